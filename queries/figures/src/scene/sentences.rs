//! Plain sentences about two campaigns.

use super::Mean;
use crate::text::{Language, Text, number};

pub(super) fn cell(
    label: &Text,
    campaigns: &[Text; 2],
    means: [Option<Mean>; 2],
    difference: Option<Mean>,
) -> Text {
    let ([Some(a), Some(b)], Some(difference)) = (means, difference) else {
        return Text::new(
            format!(
                "{}: det ble ikke holdt telling i den ene av kampanjene, så tallene kan ikke sammenlignes.",
                label.no
            ),
            format!("{}: no count was held in one of the campaigns, so they cannot be compared.", label.en),
        );
    };
    let one = |value: f64, language| number(value, 1, language);
    let written = |language| [a, b].map(|mean| one(mean.value.max(0.0), language));
    let [a_no, b_no] = written(Language::No);
    let [a_en, b_en] = written(Language::En);
    let start = Text::new(
        format!(
            "{}: i gjennomsnitt {a_no} personer per telling {} og {b_no} {}",
            label.no, campaigns[0].no, campaigns[1].no
        ),
        format!(
            "{}: on average {a_en} persons a count in {} and {b_en} in {}",
            label.en, campaigns[0].en, campaigns[1].en
        ),
    );
    if difference.low <= 0.0 && difference.high >= 0.0 {
        return Text::new(
            format!("{}. De to kan ikke skilles fra hverandre.", start.no),
            format!("{}. The two cannot be distinguished.", start.en),
        );
    }
    let up = difference.low > 0.0;
    let (near, far) =
        if up { (difference.low, difference.high) } else { (-difference.high, -difference.low) };
    let (no, en) = if up { ("flere", "more") } else { ("færre", "fewer") };
    let size = difference.value.abs();
    Text::new(
        format!(
            "{}, det vil si {} {no} (mellom {} og {}).",
            start.no,
            one(size, Language::No),
            one(near, Language::No),
            one(far, Language::No)
        ),
        format!(
            "{}, that is {} {en} (between {} and {}).",
            start.en,
            one(size, Language::En),
            one(near, Language::En),
            one(far, Language::En)
        ),
    )
}

pub(super) fn notes() -> Vec<Text> {
    vec![
        Text::new(
            "Tallene beskriver de tellingene som ble holdt. Intervallet dekker støyen som er lagt til av hensyn til personvernet. Variasjonen fra dag \
             til dag er ikke med: en forskjell kan være sikker for disse tellingene og likevel skyldes vær eller tilfeldigheter.",
            "The figures describe the counts that were held. The interval covers the noise added for privacy. The variation from day to day is not \
             in it: a difference can be certain for these counts and still be due to weather or chance.",
        ),
        Text::new(
            "En telling viser observerte personer. Den samme personen kan være observert i flere tellinger, så tallene er ikke ulike personer.",
            "A count shows observed persons. The same person can be observed in several counts, so the figures are not distinct persons.",
        ),
        Text::new(
            "Gjennomsnittet over alle vakter er per telling og avhenger av hvor mange dag- og kveldstellinger som ble holdt. Sammenlign helst vakt \
             for vakt når fordelingen er ulik.",
            "The mean over all shifts is per count and depends on how many day and evening counts were held. Compare shift by shift when the mix \
             differs.",
        ),
        Text::new(
            "Forskjeller i samme liste er vurdert samlet: intervallene for forskjell og forhold er utvidet slik at alle i listen holder samtidig med \
             95 % sikkerhet.",
            "Differences in one list are judged together: the intervals of differences and ratios are widened so that all in the list hold at once \
             with 95 % confidence.",
        ),
        Text::new(
            "Summen over områder gjelder de faste tellestedene i sentrum.",
            "The sum over areas is of the fixed places of the counts in the city centre.",
        ),
    ]
}
