//! The standing texts of a release.

use crate::text::Text;

pub(crate) fn mechanism() -> Text {
    Text::new(
        "Hver tabell er målt én gang med tilfeldig støy (eksakt diskret normalfordeling), etter den planen som gir minst samlet feil for \
         budsjettet. Tallene er satt sammen med minste kvadraters metode. Intervallene er på 95 % og bruker målingenes felles kovarians.",
        "Each table was measured once with random noise (exact discrete Gaussian), after the plan with the least total error for the budget. \
         The figures are combined by least squares. The intervals are at 95 % and use the joint covariance of the measurements.",
    )
}

pub(crate) fn unit() -> Text {
    Text::new(
        "Vernet gjelder et personår: alle opplysninger om én person i ett kalenderår.",
        "What is protected is a person-year: all rows of one person in one calendar year.",
    )
}

pub(crate) fn known_limits(suppress_below: i64) -> Vec<Text> {
    vec![
        Text::new(
            "Intervallet hører til «value», ikke til visningstallet. Visningstallet er avrundet og tilpasset slik at alle tabeller går opp.",
            "The interval belongs to \"value\", not to the displayed number. The displayed number is rounded and fitted so that all tables add up.",
        ),
        Text::new(
            format!(
                "Tall under {suppress_below} vises som «:». Regelen ser bare på tall som allerede har støy."
            ),
            format!(
                "Numbers below {suppress_below} are shown as \":\". The rule looks only at numbers that already have noise."
            ),
        ),
        Text::new(
            "Usikkerheten gjelder støyen. Feil og mangler i registreringen er ikke med i intervallet.",
            "The uncertainty is that of the noise. Errors and gaps in the registration are not in the interval.",
        ),
        Text::new(
            "Samme menneske med to pseudonymer telles to ganger, og er vernet som to.",
            "One human with two pseudonyms is counted twice, and protected as two.",
        ),
        Text::new(
            "Ulike personer kan ikke legges sammen over år, måneder eller tjenester.",
            "Distinct persons cannot be added up over years, months or services.",
        ),
        Text::new(
            "Patruljetall handler om tjenesten, inneholder ingen opplysninger om enkeltpersoner og er eksakte.",
            "Patrol figures are about the service, hold nothing about individuals, and are exact.",
        ),
        Text::new(
            "Tallene fra ulike temaer er målt hver for seg. Visningstall går opp innenfor et tema, ikke nødvendigvis mellom temaer.",
            "Different themes were measured separately. Displayed numbers add up within a theme, not necessarily between themes.",
        ),
    ]
}
