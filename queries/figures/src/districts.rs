//! How the districts compare, and which differences are real.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skjerm_privacy::interval::z;
use skjerm_privacy::marginals::LinearQuery;
use skjerm_warehouse::Reference;
use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::reference::YOUTH_BANDS;

use crate::error::FiguresError;
use crate::release::joint::{self, CONFIDENCE, Cells, Joint};
use crate::release::{Release, shown};
use crate::text::{Display, Language, Text, number};

/// The theme and the dimensions of the workload that this comparison is made of.
const THEME: &str = "services";
const SERVICE: &str = "service";
const AGE: &str = "youth_age";
const YOUNG: [&str; 2] = ["13-17", "18-24"];

/// All districts of one release, without a ranking: in the order of the code list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistrictComparison {
    /// Calendar year.
    pub year: i32,
    /// The release this comes from.
    pub release: String,
    /// What is counted.
    pub definition: Text,
    /// One a district.
    pub districts: Vec<DistrictFigure>,
    /// Every pair of districts, by rate.
    pub pairs: Vec<PairComparison>,
    /// How many pairs were compared at once (the intervals of `pairs` are widened for it).
    pub comparisons: usize,
    /// One plain sentence on the whole.
    pub summary: Text,
    /// What to keep in mind.
    pub notes: Vec<Text>,
}

/// One district.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistrictFigure {
    /// Code of the district.
    pub code: String,
    /// Its name.
    pub label: Text,
    /// Persons whose primary service the district is, all ages.
    pub persons: Estimate,
    /// The same, 13–24 years.
    pub persons_13_24: Estimate,
    /// Residents of 13–24 years on 1 January; `None` when the statistics have none.
    pub residents_13_24: Option<u64>,
    /// Persons of 13–24 years per 1,000 residents of 13–24 years.
    pub rate: Option<Estimate>,
    /// Districts whose rate cannot be told from this one's.
    pub indistinguishable_from: Vec<String>,
    /// Plain sentence for this district.
    pub sentence: Text,
}

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Unbiased value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What a reader is shown.
    pub display: Display,
}

/// Two districts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairComparison {
    /// Code of the one.
    pub a: String,
    /// Code of the other.
    pub b: String,
    /// Rate of `a` less rate of `b`, per 1,000 residents.
    pub difference: f64,
    /// Lower end of the simultaneous 95 % interval.
    pub low: f64,
    /// Upper end of the simultaneous 95 % interval.
    pub high: f64,
    /// The interval does not hold zero.
    pub distinguishable: bool,
}

/// Compares the districts of a release: persons by primary service, and 13–24-year-olds per 1,000 residents of that age.
pub fn compare(
    release: &Release,
    policy: &Policy,
    reference: &Reference,
) -> Result<DistrictComparison, FiguresError> {
    let (joint, measurement) = Joint::of_release(release, THEME)?;
    let services = joint.dims().iter().find(|dimension| dimension.name == SERVICE);
    let services = services.ok_or_else(|| {
        FiguresError::Fault(format!("the theme \"{THEME}\" has no dimension \"{SERVICE}\""))
    })?;
    // Districts are the services that bear a district's code; Uteseksjonen serves the whole city and has no residents of its own.
    let is_district = |code: &str| {
        code != "unknown" && policy.code_list("district").is_some_and(|list| list.contains(code))
    };
    let mut members = Vec::new();
    for code in services.codes.iter().filter(|code| is_district(&code.code)) {
        let all = cells(&[(SERVICE, &[code.code.as_str()])]);
        let young = cells(&[(SERVICE, &[code.code.as_str()]), (AGE, &YOUNG)]);
        let residents =
            reference.residents(&code.code, release.year, &YOUTH_BANDS).filter(|residents| *residents > 0);
        members.push(Member {
            code: code.code.clone(),
            label: code.label.clone(),
            persons: persons(policy, joint.union(&all, &measurement.display)?),
            persons_13_24: persons(policy, joint.union(&young, &measurement.display)?),
            query: joint.query(&young)?,
            residents,
        });
    }
    let pairs = pairs(&joint, &members)?;
    let mut districts = Vec::new();
    for member in &members {
        districts.push(member.figure(&joint, &pairs, &members)?);
    }
    Ok(DistrictComparison {
        year: release.year,
        release: release.id.clone(),
        definition: Text::new(
            "Ulike personer som hadde flest kontakter med bydelens egen oppsøkende tjeneste i løpet av året. Rate: personer 13–24 år per 1 000 \
             innbyggere 13–24 år i bydelen per 1. januar.",
            "Distinct persons who had most of their contacts with the district's own outreach service during the year. Rate: persons aged \
             13–24 per 1,000 residents aged 13–24 of the district on 1 January.",
        ),
        summary: summary(&pairs),
        comparisons: pairs.len(),
        pairs,
        districts,
        notes: notes(),
    })
}

struct Member {
    code: String,
    label: Text,
    persons: Estimate,
    persons_13_24: Estimate,
    query: LinearQuery,
    residents: Option<u64>,
}

impl Member {
    fn figure(
        &self,
        joint: &Joint,
        pairs: &[PairComparison],
        members: &[Self],
    ) -> Result<DistrictFigure, FiguresError> {
        let rate = match self.residents {
            Some(residents) => Some(self.rate(joint, residents)?),
            None => None,
        };
        let others = pairs.iter().filter(|pair| !pair.distinguishable).filter_map(|pair| match () {
            () if pair.a == self.code => Some(&pair.b),
            () if pair.b == self.code => Some(&pair.a),
            () => None,
        });
        let like: Vec<&Self> =
            others.filter_map(|code| members.iter().find(|member| &member.code == code)).collect();
        Ok(DistrictFigure {
            code: self.code.clone(),
            label: self.label.clone(),
            persons: self.persons,
            persons_13_24: self.persons_13_24,
            residents_13_24: self.residents,
            sentence: self.sentence(rate, &like),
            rate,
            indistinguishable_from: like.iter().map(|member| member.code.clone()).collect(),
        })
    }

    fn rate(&self, joint: &Joint, residents: u64) -> Result<Estimate, FiguresError> {
        let (value, sd) = joint.estimate(&self.query)?;
        let scale = 1000.0 / residents as f64;
        let (low, high) = joint::counted(value * scale, joint::interval(value * scale, sd * scale));
        // The rate of a suppressed count is suppressed: the count could be computed back from it, and is no surer.
        let display = match self.persons_13_24.display {
            Display::Suppressed => Display::Suppressed,
            Display::Count(_) | Display::Decimal(_) => {
                Display::Decimal((value * scale * 10.0).round() / 10.0)
            }
        };
        Ok(Estimate { value: joint::rounded(value * scale), low, high, display })
    }

    fn sentence(&self, rate: Option<Estimate>, like: &[&Self]) -> Text {
        let Some(rate) = rate else {
            return Text::new(
                format!("{}: ingen befolkningstall for året, derfor ingen rate.", self.label.no),
                format!("{}: no population figures for the year, hence no rate.", self.label.en),
            );
        };
        let one = |value: f64, language| number(value, 1, language);
        let start = |label: &str, language, per: &str| {
            let shown = rate.display.text(language);
            format!(
                "{label}: {shown} {per} ({}\u{2013}{}). ",
                one(rate.low, language),
                one(rate.high, language)
            )
        };
        let list = |language: Language, and: &str| {
            let names: Vec<&str> = like.iter().map(|member| member.label.get(language)).collect();
            match names.split_last() {
                Some((last, [])) => (*last).to_owned(),
                Some((last, rest)) => format!("{} {and} {last}", rest.join(", ")),
                None => String::new(),
            }
        };
        let (no, en) = if like.is_empty() {
            (
                "Skiller seg fra alle de andre bydelene.".to_owned(),
                "Differs from every other district.".to_owned(),
            )
        } else {
            (
                format!("Kan ikke skilles fra {}.", list(Language::No, "og")),
                format!("Cannot be distinguished from {}.", list(Language::En, "and")),
            )
        };
        Text::new(
            start(&self.label.no, Language::No, "per 1\u{a0}000 innbyggere 13\u{2013}24 år") + &no,
            start(&self.label.en, Language::En, "per 1,000 residents aged 13\u{2013}24") + &en,
        )
    }
}

fn cells(sets: &[(&str, &[&str])]) -> Cells {
    let owned = sets.iter().map(|(dimension, codes)| {
        ((*dimension).to_owned(), codes.iter().map(|code| (*code).to_owned()).collect())
    });
    owned.collect::<BTreeMap<_, _>>()
}

fn persons(policy: &Policy, figure: joint::Figure) -> Estimate {
    let (low, high) = joint::counted(figure.value, joint::interval(figure.value, figure.sd));
    Estimate {
        value: joint::rounded(figure.value),
        low,
        high,
        display: shown(policy, figure.value, figure.sd, figure.display),
    }
}

/// Every pair that has rates. The intervals are widened (Bonferroni) so that all of them hold at once with 95 % confidence.
fn pairs(joint: &Joint, members: &[Member]) -> Result<Vec<PairComparison>, FiguresError> {
    let with_rates: Vec<(&Member, f64)> = members
        .iter()
        .filter_map(|member| member.residents.map(|residents| (member, residents as f64)))
        .collect();
    let count = with_rates.len() * with_rates.len().saturating_sub(1) / 2;
    let quantile = z(1.0 - (1.0 - CONFIDENCE) / count.max(1) as f64);
    let mut pairs = Vec::with_capacity(count);
    for (index, (a, residents_a)) in with_rates.iter().enumerate() {
        for (b, residents_b) in &with_rates[index + 1..] {
            // 1000·x_a/R_a − 1000·x_b/R_b, with the joint covariance of x_a and x_b.
            let (value, sd) = joint.estimate(&a.query.plus(-residents_a / residents_b, &b.query))?;
            let scale = 1000.0 / residents_a;
            let (low, high) = joint::widened(value * scale, sd * scale, quantile);
            pairs.push(PairComparison {
                a: a.code.clone(),
                b: b.code.clone(),
                difference: joint::rounded(value * scale),
                low,
                high,
                distinguishable: low > 0.0 || high < 0.0,
            });
        }
    }
    Ok(pairs)
}

fn summary(pairs: &[PairComparison]) -> Text {
    let apart = pairs.iter().filter(|pair| pair.distinguishable).count();
    let all = pairs.len();
    if apart == 0 {
        return Text::new(
            "Ingen av bydelene kan skilles fra hverandre.",
            "None of the districts can be distinguished from one another.",
        );
    }
    Text::new(
        format!(
            "Av {all} par av bydeler kan {apart} skilles fra hverandre. De øvrige {} kan ikke skilles fra hverandre.",
            all - apart
        ),
        format!(
            "Of {all} pairs of districts, {apart} can be distinguished. The other {} cannot be distinguished from one another.",
            all - apart
        ),
    )
}

fn notes() -> Vec<Text> {
    vec![
        Text::new(
            "Bydelene står i fast rekkefølge. Dette er ikke en rangering.",
            "The districts are in a fixed order. This is not a ranking.",
        ),
        Text::new(
            "En person hører til den tjenesten som har flest kontakter med personen det året, uansett bosted. Personer som hovedsakelig er i \
             kontakt med Uteseksjonen, er ikke med i noen bydel.",
            "A person belongs to the service with most contacts that year, wherever the person lives. Persons mainly in contact with \
             Uteseksjonen are in no district.",
        ),
        Text::new(
            "Personer med ukjent alder er ikke med i raten.",
            "Persons of unknown age are not in the rate.",
        ),
        Text::new(
            "Forskjeller mellom bydeler er vurdert samlet: intervallene er utvidet slik at alle holder samtidig med 95 % sikkerhet.",
            "Differences between districts are judged together: the intervals are widened so that all hold at once with 95 % confidence.",
        ),
    ]
}
