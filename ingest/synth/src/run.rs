//! Makes the plan, then writes every file, several at a time.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use skjerm_ingest::Progress;
use skjerm_warehouse::policy::Policy;

use crate::city::{City, SERVICES, in_soma};
use crate::error::SynthError;
use crate::identifiers;
use crate::options::{MAX_PERSONS, SynthOptions, SynthSummary};
use crate::plan::{ENOUGH_PERSONS, MUNICIPALITIES, PUBLISHED_YEAR, Plan};
use crate::write::agency::AGENCIES;
use crate::write::scene::CAMPAIGNS;
use crate::write::{Content, agency, beds, kontakt, patrol, scene, soma};

/// What everybody who opens the folder should read first.
const README: &str = "SYNTETISKE DATA / SYNTHETIC DATA\r\n\r\n\
Ingen personer i disse filene finnes. Navn er trukket fra lister, og identitetsnumrene tilhører den syntetiske serien (måned + 80).\r\n\
Filene likner eksporter fra oppsøkende tjenester, sengebaserte tjenester og etater, og er laget for å prøve Skjerm.\r\n\
SYNTETISK_identifikatorer.csv lister alle navn og numre, så lekkasjer kan letes etter. Den skal ikke leses inn.\r\n\r\n\
Nobody in these files exists. Names are drawn from lists, and the identity numbers belong to the synthetic series (month + 80).\r\n\
The files resemble exports of outreach services, bed units and agencies, and are made to try Skjerm out.\r\n\
SYNTETISK_identifikatorer.csv lists every name and number, to search for leaks. It is not meant to be ingested.\r\n";
const README_FILE: &str = "LESMEG.txt";

/// One file to write.
#[derive(Clone, Copy)]
enum Job {
    Registrations { year: usize, service: usize },
    Beds { year: usize },
    Agency { year: usize, agency: usize },
    Patrol { year: i32 },
    Scene { campaign: usize },
    Identifiers,
}

/// Writes the city's export files into the folder.
///
/// Same seed, persons and years: same bytes.
pub fn generate(options: &SynthOptions, progress: &dyn Progress) -> Result<SynthSummary, SynthError> {
    check(options)?;
    let (first, last) = (*options.years.start(), *options.years.end());
    let city = City::new(options.seed, MUNICIPALITIES)?;
    std::fs::create_dir_all(&options.out)
        .map_err(|source| SynthError::Write { path: options.out.clone(), source })?;
    let plan = Plan::make(city, options.seed, options.persons, first..=last);
    let jobs = jobs(&plan);
    progress.start("SYNTHETIC export files", jobs.len() as u64 + 1);
    write_file(&options.out.join(README_FILE), README.as_bytes())?;
    progress.advance(1);
    let mut written = write_all(&jobs, &plan, options, progress)?;
    progress.finish();
    written.sort();
    Ok(SynthSummary {
        rows: written.iter().map(|(_, _, rows)| rows).sum(),
        files: written.into_iter().map(|(source, path, _)| (source.to_owned(), path)).collect(),
        persons: plan.people.all.len() as u64,
        notes: notes(options, &plan),
    })
}

fn check(options: &SynthOptions) -> Result<(), SynthError> {
    if options.persons == 0 {
        return Err(SynthError::NoPersons);
    }
    if options.persons > MAX_PERSONS {
        return Err(SynthError::TooManyPersons { asked: options.persons, limit: MAX_PERSONS });
    }
    let (first, last) = (*options.years.start(), *options.years.end());
    let declared = Policy::oslo().years;
    if first > last || first < declared.first || last > declared.last {
        return Err(SynthError::Years { first, last, from: declared.first, to: declared.last });
    }
    Ok(())
}

/// The files, the slowest kind first.
fn jobs(plan: &Plan) -> Vec<Job> {
    let years = 0..plan.years.len();
    let mut jobs = Vec::new();
    for soma in [false, true] {
        for year in years.clone() {
            let services = (0..SERVICES).filter(|s| in_soma(*s) == soma);
            jobs.extend(services.map(|service| Job::Registrations { year, service }));
        }
    }
    jobs.push(Job::Identifiers);
    for year in years {
        jobs.push(Job::Beds { year });
        jobs.extend((0..AGENCIES.len()).map(|agency| Job::Agency { year, agency }));
        jobs.push(Job::Patrol { year: plan.years[year].year });
    }
    for (campaign, it) in CAMPAIGNS.iter().enumerate() {
        if plan.years.iter().any(|year| year.year == it.year) {
            jobs.push(Job::Scene { campaign });
        }
    }
    jobs
}

type Written = (&'static str, PathBuf, u64);

fn write_all(
    jobs: &[Job],
    plan: &Plan,
    options: &SynthOptions,
    progress: &dyn Progress,
) -> Result<Vec<Written>, SynthError> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Result<Option<Written>, SynthError>>> = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = write_one(*job, plan, options);
                    if result.is_err() {
                        // Nobody needs to begin another file.
                        next.store(jobs.len(), Ordering::Relaxed);
                    }
                    progress.advance(1);
                    if let Ok(mut results) = results.lock() {
                        results.push(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| SynthError::Interrupted)?;
    Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Writes a file; nothing is returned for one that is no export.
fn write_one(job: Job, plan: &Plan, options: &SynthOptions) -> Result<Option<Written>, SynthError> {
    let seed = options.seed;
    let (source, name, content): (_, _, Content) = match job {
        Job::Registrations { year, service } => {
            let year = &plan.years[year];
            let code = plan.city.service_code(service);
            if in_soma(service) {
                let name = format!("soma_{code}_{}_SYNTETISK.csv", year.year);
                ("soma", name, soma::file(plan, year, service, seed))
            } else {
                let name = format!("kontakt_{code}_{}_SYNTETISK.xlsx", year.year);
                let content = kontakt::file(plan, year, service, seed)
                    .map_err(|source| SynthError::Workbook { path: options.out.join(&name), source })?;
                ("kontakt", name, content)
            }
        }
        Job::Beds { year } => {
            let year = &plan.years[year];
            ("beds", format!("beds_{}_SYNTETISK.csv", year.year), beds::file(plan, year, seed))
        }
        Job::Agency { year, agency } => {
            let year = &plan.years[year];
            let name = format!("agency_{}_{}_SYNTETISK.csv", AGENCIES[agency].1, year.year);
            ("agency", name, agency::file(plan, year, agency, seed))
        }
        Job::Patrol { year } => ("patrol", format!("patrol_{year}_SYNTETISK.csv"), patrol::file(year, seed)),
        Job::Scene { campaign } => {
            let campaign = &CAMPAIGNS[campaign];
            ("scene", format!("scene_{}_SYNTETISK.csv", campaign.code), scene::file(campaign, seed))
        }
        Job::Identifiers => {
            write_file(&options.out.join(identifiers::FILE), &identifiers::file(plan).bytes)?;
            return Ok(None);
        }
    };
    let path = options.out.join(name);
    write_file(&path, &content.bytes)?;
    Ok(Some((source, path, content.rows)))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SynthError> {
    std::fs::write(path, bytes).map_err(|source| SynthError::Write { path: path.to_owned(), source })
}

fn notes(options: &SynthOptions, plan: &Plan) -> Vec<String> {
    let mut notes = vec!["SYNTHETIC: nobody in these files exists.".to_owned()];
    if options.persons < ENOUGH_PERSONS {
        notes.push(format!(
            "With {} persons a year (fewer than {ENOUGH_PERSONS}) the published figures are not reproduced: \
             Uteseksjonen's part is scaled down in proportion. Patrols and scene counts are not scaled.",
            options.persons
        ));
    } else if options.years.contains(&PUBLISHED_YEAR) {
        notes.push(
            "Missing reports 2023: the source names 154 (Oslo), 207 (other municipality) and 47 (unknown), which is 408 and \
             not its total of 456. The total is followed: 95 have unknown belonging."
                .to_owned(),
        );
    }
    notes.push(
        "A person reported missing need not be met: two in five of them are. Concern reports, journeys home, measures and \
         referrals by Uteseksjonen are all about persons it met and followed up."
            .to_owned(),
    );
    for year in &plan.years {
        let contacts: u64 = year.services.iter().flatten().map(|visit| u64::from(visit.contacts)).sum();
        notes.push(format!("{}: {} persons, {contacts} contacts.", year.year, year.persons));
    }
    notes
}
