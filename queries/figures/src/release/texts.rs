//! The standing texts of a release.

use skjerm_warehouse::policy::{Policy, Width};

use crate::text::{Language, Text, number};
use crate::workload::{Checked, CheckedTheme, Family, Theme, Workload};

pub(crate) fn mechanism() -> Text {
    Text::new(
        "Hver tabell er målt én gang med tilfeldig støy (eksakt diskret normalfordeling), etter den planen som gir minst samlet feil for \
         budsjettet. Tallene er satt sammen med minste kvadraters metode. Intervallene er på 95 % og bruker målingenes felles kovarians.",
        "Each table was measured once with random noise (exact discrete Gaussian), after the plan with the least total error for the budget. \
         The figures are combined by least squares. The intervals are at 95 % and use the joint covariance of the measurements.",
    )
}

pub(crate) fn unit(family: Family) -> Text {
    match family {
        Family::Persons => Text::new(
            "Vernet gjelder et personår: alle opplysninger om én person i ett kalenderår.",
            "What is protected is a person-year: all rows of one person in one calendar year.",
        ),
        Family::Scene => Text::new(
            "Vernet gjelder én person i én tellekampanje: alle ganger noen ble sett, høyst én gang i hver telling.",
            "What is protected is an individual in one campaign: all the times that somebody was seen, once a count at most.",
        ),
    }
}

pub(crate) fn known_limits(
    policy: &Policy,
    workload: &Workload,
    checked: &Checked,
    takes_earlier: bool,
) -> Vec<Text> {
    let suppress_below = policy.suppress_below;
    let mut limits = vec![
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
            "Om et tall vises, avgjøres av tallet med støy: Blant små tall vises oftest de som støyen gjorde større. «value» har ikke denne \
             skjevheten, og gis for alle celler.",
            "The noised number decides whether it is shown: of small numbers, those that the noise made larger are shown most often. \"value\" \
             has no such bias, and is given for every cell.",
        ),
        Text::new(
            "Usikkerheten gjelder støyen. Feil og mangler i registreringen er ikke med i intervallet.",
            "The uncertainty is that of the noise. Errors and gaps in the registration are not in the interval.",
        ),
        Text::new(
            "Tallene fra ulike temaer er målt hver for seg. Visningstall går opp innenfor et tema, ikke nødvendigvis mellom temaer.",
            "Different themes were measured separately. Displayed numbers add up within a theme, not necessarily between themes.",
        ),
    ];
    limits.extend(match workload.family {
        Family::Persons => of_persons(),
        Family::Scene => of_counts(),
    });
    limits.extend(takes_earlier.then(earlier));
    limits.extend(policy.suppress_wider_than.map(width));
    limits.extend(
        workload.themes.iter().zip(&checked.themes).filter_map(|(theme, checked)| scaled(theme, checked)),
    );
    limits
}

fn earlier() -> Text {
    Text::new(
        "Målinger fra tidligere publiseringer av de samme leveransene er brukt på nytt. De som er slettet siden, er fortsatt med i dem.",
        "Measurements of earlier releases of the same deliveries are used again. Who was taken out since is still in them.",
    )
}

fn of_persons() -> [Text; 3] {
    [
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
    ]
}

fn of_counts() -> [Text; 3] {
    [
        Text::new(
            "Tallene er snitt over tellingene i en vakt. Hvor mye tellingene varierer seg imellom, etter vær, dag og hvem som teller, er ikke med i \
             intervallet.",
            "The figures are means over the counts of a shift. How much counts differ among themselves, by weather, day and who counts, is not in \
             the interval.",
        ),
        Text::new(
            "Tellinger ser hvem som er der, ikke hvor mange ulike personer som bruker stedet i løpet av sommeren.",
            "Counts see who is there, not how many different persons use the place over a summer.",
        ),
        Text::new(
            "Vakter legges ikke sammen: Den som er der om dagen, kan også være der om natten.",
            "Shifts are not added up: who is there by day may be there by night, too.",
        ),
    ]
}

/// That a theme counts those with many values for less than they are.
fn scaled(theme: &Theme, checked: &CheckedTheme) -> Option<Text> {
    let events = theme.events.as_ref().filter(|events| events.rounds.is_empty())?;
    let dimension = checked.dims.iter().find(|info| info.name == events.per)?;
    let theme_adds_up = dimension.codes.iter().all(|code| code.of.is_empty());
    if theme_adds_up {
        let most = events.norm.ceil();
        return Some(Text::new(
            format!(
                "{}: én person teller høyst {most}. Summene er for lave med det som er over, og det er ikke med i intervallet.",
                theme.label.no
            ),
            format!(
                "{}: one person counts for {most} at most. The sums are too low by what is above, and the interval does not show it.",
                theme.label.en
            ),
        ));
    }
    let most = (events.norm * events.norm).floor();
    if most >= dimension.codes.len() as f64 {
        return None;
    }
    Some(Text::new(
        format!(
            "{}: den som er med på flere enn {most} steder i «{}», teller mindre enn én hvert sted. Slike tall er litt for lave, og det er ikke \
             med i intervallet.",
            theme.label.no, dimension.label.no
        ),
        format!(
            "{}: whoever is in more than {most} of \"{}\" counts for less than one in each. Such figures are a little low, and the \
             interval does not show it.",
            theme.label.en, dimension.label.en
        ),
    ))
}

/// Which figures are hidden for their width.
fn width(width: Width) -> Text {
    let of_value = |language| number(100.0 * width.part_of_value, 0, language);
    let floor = |language| number(width.floor, 0, language);
    let (no, en) = (Language::No, Language::En);
    Text::new(
        format!(
            "Tall med et 95 %-intervall på mer enn ± {} % av tallet vises også som «:», unntatt når det er på høyst ± {}. Regelen ser bare på \
             tallet med støy og på støyens størrelse, som er offentlig.",
            of_value(no),
            floor(no)
        ),
        format!(
            "Numbers with a 95 % interval of more than ± {} % of the number are shown as \":\", too, unless it is ± {} at most. The rule looks \
             only at the noised number and at the size of the noise, which is public.",
            of_value(en),
            floor(en)
        ),
    )
}

/// How any variance and covariance follows from `metadata.json`.
pub(crate) fn covariance() -> Text {
    Text::new(
        "Hvert tema er målt for seg; støyen i ulike temaer er uavhengig. I et tema er hver målt tabell («measured») summert over de dimensjonene \
         den ikke har, og har uavhengig støy med standardavvik σ i hver celle. Anslagene er minste kvadraters løsning med vektene 1/σ². For to \
         summer q og r av temaets celler (vektorer over alle cellene, i rekkefølgen til «dimensions») er kovariansen summen over alle delmengder \
         S av dimensjonene av ⟨q_S, r_S⟩ / p_S. p_S er summen, over de målte tabellene som har alle dimensjonene i S, av antall celler i hele \
         temaet delt på antall celler i tabellen, delt på σ². q_S er den delen av q som varierer med dimensjonene i S og ikke med færre: langs \
         en dimensjon i S trekkes gjennomsnittet fra, langs de andre tas gjennomsnittet. Variansen er kovariansen av q med seg selv. For tall \
         fra ulike publiseringer legges variansene sammen, med mindre de bygger på samme «answer» eller den ene har brukt den andres målinger \
         («from»). Har temaet «attributes» eller «form», er det som er målt, Q·t med støy, der t er tabellen og Q er Kroneckerproduktet av en \
         matrise for hver dimensjon: enhetsmatrisen, n·I − J der «form» er «apart», radene i strategien, eller «unit» ganger enhetsmatrisen. \
         Kovariansen til anslagene for alle celler er da den pseudoinverse av summen av MᵀM/σ², der M er Q etter summeringen.",
        "Each theme was measured by itself; the noise of different themes is independent. Within a theme, each measured table is summed over \
         the dimensions it does not have, and has independent noise of standard deviation σ in every cell. The estimates are the least-squares \
         solution with weights 1/σ². For two sums q and r of the theme's cells (vectors over all cells, in the order of \"dimensions\") the \
         covariance is the sum, over all subsets S of the dimensions, of ⟨q_S, r_S⟩ / p_S. p_S is the sum, over the measured tables that have \
         all dimensions of S, of the number of cells of the whole theme divided by that of the table, divided by σ². q_S is the part of q that \
         varies with the dimensions of S and with no fewer: along a dimension of S its mean is taken off, along the others the mean is taken. \
         The variance is the covariance of q with itself. For figures of different releases the variances add up, unless they rest on the \
         same \"answer\" or one has used the other's measurements (\"from\"). Where the theme has \"attributes\" or a \"form\", what was measured \
         is Q·t with noise, t being the table and Q the Kronecker product of one matrix for each dimension: the identity, n·I − J where \
         \"form\" is \"apart\", the rows of the strategy, or \"unit\" times the identity. The covariance of the estimates of all cells is \
         then the pseudo-inverse of the sum of MᵀM/σ², M being Q after the summing.",
    )
}

/// How the files can be checked without this program.
pub(crate) fn check() -> Text {
    Text::new(
        "`skjerm release check` gjør dette: Bytt ut publiseringens id med året, en bindestrek og seksten nuller overalt i filene. Da har hver \
         fil lengden og BLAKE3-summen i «files», og id-en er året og de første seksten tegnene av BLAKE3-summen til denne filen. I mappen er \
         ingen andre filer.",
        "`skjerm release check` does this: replace the id of the release by the year, a hyphen and sixteen zeros everywhere in the files. Then \
         each file has the length and the BLAKE3 of \"files\", and the id is the year and the first sixteen digits of the BLAKE3 of this file. \
         There is no other file in the folder.",
    )
}
