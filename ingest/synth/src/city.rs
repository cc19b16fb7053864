//! The map of the city: districts with their weights and spellings, and the municipalities that others come from.

use skjerm_warehouse::policy::Policy;

use crate::error::SynthError;
use crate::random::{Purpose, Stream, chance, sample, stream, weighted};

/// The 15 districts; service 15 is Uteseksjonen.
pub(crate) const DISTRICTS: usize = 15;
/// Index of Uteseksjonen among the services.
pub(crate) const UTE: usize = 15;
/// All outreach services.
pub(crate) const SERVICES: usize = 16;
/// Districts 030101–030108 and Uteseksjonen keep their records in the SOMA-like system, the rest in the Kontakt-like one.
const SOMA_DISTRICTS: usize = 8;

/// How much outreach a district does beside its number of young residents. Invented.
const FACTOR: [f64; DISTRICTS] =
    [1.9, 1.3, 1.1, 0.9, 0.8, 0.5, 0.45, 0.6, 1.2, 1.5, 1.5, 1.4, 0.95, 0.7, 1.5];
/// Yearly drift of a district's share (a mild trend). Invented.
const DRIFT: [f64; DISTRICTS] =
    [1.02, 0.99, 0.98, 1.0, 0.97, 1.0, 1.03, 1.0, 1.04, 1.02, 0.99, 1.03, 1.0, 0.98, 1.01];

/// Where many of those who are not from Oslo come from, with weights. Invented, but near and large ones lead.
const COMMON: [(&str, f64); 30] = [
    ("Bærum", 60.0),
    ("Lillestrøm", 50.0),
    ("Asker", 45.0),
    ("Nordre Follo", 40.0),
    ("Lørenskog", 38.0),
    ("Ullensaker", 30.0),
    ("Drammen", 34.0),
    ("Nittedal", 18.0),
    ("Eidsvoll", 16.0),
    ("Ås", 12.0),
    ("Vestby", 12.0),
    ("Rælingen", 14.0),
    ("Moss", 18.0),
    ("Fredrikstad", 22.0),
    ("Sarpsborg", 16.0),
    ("Halden", 9.0),
    ("Ringerike", 14.0),
    ("Kongsberg", 10.0),
    ("Hamar", 12.0),
    ("Ringsaker", 8.0),
    ("Gjøvik", 9.0),
    ("Lillehammer", 8.0),
    ("Tønsberg", 14.0),
    ("Sandefjord", 13.0),
    ("Larvik", 10.0),
    ("Skien", 12.0),
    ("Kristiansand", 14.0),
    ("Bergen", 26.0),
    ("Stavanger", 20.0),
    ("Trondheim", 22.0),
];

pub(crate) struct Municipality {
    pub(crate) number: String,
    /// None where the name is not unique or cannot be written in Windows-1252: such are known by number.
    pub(crate) name: Option<String>,
    pub(crate) weight: f64,
    /// One of those that Uteseksjonen's visitors of the published year come from.
    pub(crate) published: bool,
}

pub(crate) struct City {
    pub(crate) districts: Vec<(String, String)>,
    weights: [f64; DISTRICTS],
    /// All but Oslo.
    pub(crate) municipalities: Vec<Municipality>,
    common_weights: Vec<f64>,
}

/// Population by district, year and age band, 1 January (SSB, table 10826).
const POPULATION: &str = include_str!("../../../warehouse/reference/population.csv");

impl City {
    /// Reads the code lists of the shipped policy; `published` municipalities are marked as where visitors come from.
    pub(crate) fn new(seed: u64, published: usize) -> Result<Self, SynthError> {
        let policy = Policy::oslo();
        let list = policy.code_list("district").ok_or(SynthError::Reference("the list of districts"))?;
        let districts: Vec<_> =
            list.codes.iter().take(DISTRICTS).map(|c| (c.code.clone(), c.no.clone())).collect();
        let mut weights = [0.0; DISTRICTS];
        for (i, (code, _)) in districts.iter().enumerate() {
            weights[i] = youth(code) * FACTOR[i];
        }
        if weights.iter().any(|w| *w <= 0.0) || districts.len() != DISTRICTS {
            return Err(SynthError::Reference("the youth population of a district"));
        }
        let list = policy.code_list("municipality").ok_or(SynthError::Reference("the municipalities"))?;
        let mut municipalities = Vec::new();
        for code in list.codes.iter().filter(|c| c.code != "0301" && c.code != "unknown") {
            let unique = list.codes.iter().filter(|c| c.no == code.no).count() == 1;
            let writable = !encoding_rs::WINDOWS_1252.encode(&code.no).2;
            let common = COMMON.iter().find(|(name, _)| unique && *name == code.no);
            municipalities.push(Municipality {
                number: code.code.clone(),
                name: (unique && writable).then(|| code.no.clone()),
                weight: common.map_or(if code.code.starts_with('3') { 1.5 } else { 0.6 }, |(_, w)| *w),
                published: false,
            });
        }
        let mut rng = stream(seed, Purpose::City, 0, 0);
        let chosen =
            sample(&mut rng, 0..municipalities.len(), published, |i| municipalities[i].weight.powi(2));
        for i in chosen {
            municipalities[i].published = true;
        }
        let common_weights =
            municipalities.iter().map(|m| if m.published { m.weight } else { 0.0 }).collect();
        Ok(Self { districts, weights, municipalities, common_weights })
    }

    /// How much of the city's outreach falls to each district in this year.
    pub(crate) fn district_weights(&self, year: i32) -> [f64; DISTRICTS] {
        let mut weights = self.weights;
        for (w, drift) in weights.iter_mut().zip(DRIFT) {
            *w *= drift.powi(year - 2019);
        }
        weights
    }

    /// A home municipality: mostly one of the published set, one in ten any.
    pub(crate) fn municipality(&self, rng: &mut Stream, only_published: bool) -> u16 {
        let i = if only_published || !chance(rng, 0.1) {
            weighted(rng, &self.common_weights)
        } else {
            crate::random::below(rng, self.municipalities.len())
        };
        u16::try_from(i).unwrap_or(0)
    }

    /// The code by which a service is known in file names.
    pub(crate) fn service_code(&self, service: usize) -> &str {
        self.districts.get(service).map_or("uteseksjonen", |(code, _)| code)
    }

    /// A district as offices spell it: by name, by number, with and without the word for it.
    pub(crate) fn spell_district(&self, rng: &mut Stream, district: usize) -> String {
        let (code, name) = &self.districts[district];
        match weighted(rng, &[0.5, 0.22, 0.1, 0.1, 0.08]) {
            0 => respell(rng, name),
            1 => format!("Bydel {}", respell(rng, name)),
            2 => code[4..].to_owned(),
            3 => code.clone(),
            _ => code[1..].to_owned(),
        }
    }
}

/// Whether a service's records are in the SOMA-like system (else in the Kontakt-like one).
pub(crate) fn in_soma(service: usize) -> bool {
    service == UTE || service < SOMA_DISTRICTS
}

fn respell(rng: &mut Stream, name: &str) -> String {
    match name.strip_prefix("St. ") {
        Some(rest) if chance(rng, 0.4) => format!("St.{rest}"),
        Some(rest) if chance(rng, 0.3) => format!("St {rest}"),
        _ => name.to_owned(),
    }
}

/// Residents aged 13–24 at the start of 2023.
fn youth(code: &str) -> f64 {
    POPULATION
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            let here = fields.next()? == code && fields.next()? == "2023";
            let band = fields.next()?;
            let young = matches!(band, "13-15" | "16-17" | "18-19" | "20-24");
            if here && young { fields.next()?.trim().parse::<f64>().ok() } else { None }
        })
        .sum()
}
