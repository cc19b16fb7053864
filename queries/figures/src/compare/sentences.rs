//! What is said of a comparison.

use skjerm_warehouse::policy::Policy;

use super::{Asked, Family, What};
use crate::error::FiguresError;
use crate::release::Release;
use crate::text::Text;

pub(super) fn notes(policy: &Policy) -> Vec<Text> {
    let below = policy.suppress_below;
    vec![
        Text::new(
            "Intervallene er på 95 %, regnet av anslagene («value») og deres felles kovarians. De gjelder støyen, ikke feil og mangler i \
             registreringen.",
            "Intervals are at 95 %, of the estimates (\"value\") and their joint covariance. They hold the noise, not errors and gaps in the \
             registration.",
        ),
        Text::new(
            format!(
                "«:» står der et av tallene er under {below} eller har et bredere intervall enn reglene tillater. Reglene ser bare på tall som \
                 allerede har støy; anslagene er publisert for alle celler."
            ),
            format!(
                "\":\" stands where one of the figures is below {below} or has a wider interval than the rules allow. The rules look only at \
                 numbers that already have noise; the estimates are published for every cell."
            ),
        ),
    ]
}

pub(super) fn open() -> Text {
    Text::new(
        "«åpent»: tallet det sammenlignes med, kan være null. Da har forholdet ingen ender, og vises som «:».",
        "\"open\": the figure that it is held against may be nothing. Then the quotient has no ends, and is shown as \":\".",
    )
}

pub(super) fn years() -> Text {
    Text::new(
        "Ulike personer er telt hvert år for seg. Støyen i to år er uavhengig.",
        "Distinct persons are counted in each year by itself. The noise of two years is independent.",
    )
}

pub(super) fn campaigns() -> Text {
    Text::new(
        "Snitt over ulike tellinger. Støyen i to kampanjer er uavhengig; hvor mye tellinger varierer seg imellom, er ikke med i intervallet.",
        "Means over different counts. The noise of two campaigns is independent; how much counts differ among themselves is not in the interval.",
    )
}

/// How rates are to be read, and whose residents are not known.
pub(super) fn residents(without: &[String]) -> Vec<Text> {
    let mut notes = vec![Text::new(
        "Innbyggere per 1. januar, etter bydel og alder; begge kjønn og alle bosatte. Personene er telt der de ble møtt, uansett bosted.",
        "Residents on 1 January, by district and age; of both genders. Persons are counted where they were met, wherever they live.",
    )];
    if !without.is_empty() {
        let names = without.join(", ");
        notes.push(Text::new(
            format!("Uten kjent innbyggertall, og derfor uten rate: {names}."),
            format!("Without known residents, and hence without a rate: {names}."),
        ));
    }
    notes
}

/// Which differences are judged together.
pub(super) fn family(what: What, release: &Release, asked: &Asked) -> Text {
    let (no, en) = match what {
        What::Change => ("endringene som vises her", "the changes from year to year that are shown here"),
        _ => ("forskjellene som vises her", "the differences that are shown here"),
    };
    let of = asked.table.clone().unwrap_or_else(|| asked.figures.join(", "));
    Text::new(format!("{no}: {of} i {}", release.id), format!("{en}: {of} of {}", release.id))
}

pub(super) fn judged(family: &Family) -> Text {
    let Family { name, compared, alone, together } = family;
    Text::new(
        format!(
            "Vurdert samlet (Holm) er {}. Av {compared} kan {together} skilles fra ingen forskjell når alle vurderes samlet; hver for seg er det \
             {alone}.",
            name.no
        ),
        format!(
            "Judged together (Holm) are {}. Of {compared}, {together} can be told from no difference when all are judged together; each taken \
             alone it is {alone}.",
            name.en
        ),
    )
}

/// What is not in both releases, or does not mean the same in them.
pub(super) fn not_alike(what: &str, name: &str, earlier: &Release, release: &Release) -> FiguresError {
    FiguresError::Refused {
        message: format!(
            "{} has no {what} \"{name}\" that means the same as that of {}",
            earlier.id, release.id
        ),
        hint: Some(format!(
            "`skjerm release diff {} {}` says what is the same in both",
            earlier.id, release.id
        )),
    }
}
