//! What is said of a comparison.

use super::judge::Judged;
use crate::release::document::{CodeInfo, Release};
use crate::text::Text;

pub(super) fn summary(judged: &Judged, same_measurement: bool) -> Text {
    if same_measurement {
        return Text::new(
            "Begge bygger på samme måling, med den samme støyen: forskjellene er eksakte, og skyldes bare hvordan tallene er regnet ut.",
            "Both rest on the same measurement, with the same noise: the differences are exact, and come only from how the figures were computed.",
        );
    }
    let Judged { compared, alone, together } = judged;
    let expected = (*compared as f64 * 0.05).round();
    Text::new(
        format!(
            "Av {compared} forskjeller kan {together} skilles fra ingen forskjell når alle vurderes samlet. Hver for seg er det {alone}; omtrent \
             {expected} kan ventes ved ren tilfeldighet."
        ),
        format!(
            "Of {compared} differences, {together} can be told from no difference when all are judged together. Each taken alone it is {alone}; \
             about {expected} are to be expected by mere chance."
        ),
    )
}

pub(super) fn notes(a: &Release, b: &Release) -> Vec<Text> {
    let mut notes = Vec::new();
    if a.campaign.is_some() && !a.is_of(&b.period()) {
        notes.push(Text::new(
            "Snitt over ulike tellinger: hvor mye tellinger varierer seg imellom, er ikke med i usikkerheten.",
            "Means over different counts: how much counts differ among themselves is not in the uncertainty.",
        ));
    } else if a.year == b.year {
        notes.push(Text::new(
            "Begge gjelder samme år: en forskjell skyldes støyen og det som er registrert eller rettet i mellomtiden.",
            "Both are about the same year: a difference comes from the noise and from what was registered or corrected in between.",
        ));
    } else {
        notes.push(Text::new(
            "Ulike personer er telt hvert år for seg: den som er med i begge år, er telt i begge.",
            "Distinct persons are counted in each year by itself: somebody who is in both years is counted in both.",
        ));
    }
    notes.push(Text::new(
        "Forskjeller er regnet av anslagene («value»), ikke av visningstallene.",
        "Differences are of the estimates (\"value\"), not of the display values.",
    ));
    notes
}

/// In one release alone.
pub(super) fn alone(no: &str, en: &str, name: &str, release: &Release) -> Text {
    Text::new(
        format!("Bare {} har {no} «{name}»; den er ikke sammenlignet.", release.id),
        format!("Only {} has the {en} \"{name}\"; it is not compared.", release.id),
    )
}

/// In both, with another meaning.
pub(super) fn otherwise(no: &str, en: &str, name: &str) -> Text {
    Text::new(
        format!("{no} «{name}» er definert ulikt i de to og er ikke sammenlignet."),
        format!("The {en} \"{name}\" is defined otherwise in the two, and is not compared."),
    )
}

pub(super) fn code_alone(dimension: &Text, code: &CodeInfo, release: &Release, cells: usize) -> Text {
    Text::new(
        format!(
            "Bare {} har koden «{}» ({}) av «{}»: {cells} celler er ikke sammenlignet, de andre er det.",
            release.id, code.code, code.label.no, dimension.no
        ),
        format!(
            "Only {} has the code \"{}\" ({}) of \"{}\": {cells} cells are not compared, the others are.",
            release.id, code.code, code.label.en, dimension.en
        ),
    )
}

pub(super) fn code_otherwise(dimension: &Text, code: &CodeInfo) -> Text {
    Text::new(
        format!(
            "Koden «{}» ({}) av «{}» står for noe annet i den ene enn i den andre; dens celler er ikke sammenlignet.",
            code.code, code.label.no, dimension.no
        ),
        format!(
            "The code \"{}\" ({}) of \"{}\" stands for something else in the one than in the other; its cells are not compared.",
            code.code, code.label.en, dimension.en
        ),
    )
}
