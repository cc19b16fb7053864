//! Typical questions over 20 million contacts of a million persons: the private answer (with the charge, the bound and
//! the noise), the same aggregation by person in plain DataFusion on the same files, and the plain question in `DuckDB`
//! on plain Parquet files of the same rows. One run, the three in turn, one machine, as many threads for all.
//!
//! `cargo bench -p skjerm-engine --bench questions [-- ROWS [REPEATS] [WORD]]`, WORD names the questions that are asked;
//! needs Python with the package `duckdb` (`PYTHON=…`). A folder `KEPT=…` is not removed, and spares loading the next time;
//! `ALONE=1` asks Skjerm and nobody else, for a profile.
//! All data are SYNTHETIC.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement that cannot go on should stop where it stands

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use common::duckdb::DuckDb;
use common::plain::Plain;
use common::{Cost, median, work_of};
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use skjerm_engine::{Ask, Engine, Price};
use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{Installation, Reference, Warehouse};

/// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A question as it is asked privately, as an aggregation by person, and plainly.
struct Question {
    name: &'static str,
    private: &'static str,
    by_person: &'static str,
    plain: &'static str,
}

const QUESTIONS: [Question; 12] = [
    Question {
        name: "persons by year and district",
        private: "select year, home_district, count(distinct person) as persons from contact group by year, home_district",
        by_person: "select year, home_district, count(*) from (select distinct year, person, home_district from contact) group by year, home_district",
        plain: "select year, home_district, count(distinct person) from contact group by year, home_district",
    },
    Question {
        name: "contacts by month and district",
        private: "select month, home_district, count(*) as contacts from contact group by month, home_district",
        by_person: "select month, home_district, sum(n) from (select year, person, month, home_district, count(*) as n from contact group by year, person, month, home_district) group by month, home_district",
        plain: "select month, home_district, count(*) from contact group by month, home_district",
    },
    Question {
        name: "minutes by district",
        private: "select home_district, sum(minutes) as minutes from contact group by home_district",
        by_person: "select home_district, sum(n) from (select year, person, home_district, sum(minutes) as n from contact group by year, person, home_district) group by home_district",
        plain: "select home_district, sum(minutes) from contact group by home_district",
    },
    Question {
        name: "persons by year, age, gender and belonging",
        private: "select year, age_band, gender, belonging, count(distinct person) as persons from contact group by year, age_band, gender, belonging",
        by_person: "select year, age_band, gender, belonging, count(*) from (select distinct year, person, age_band, gender, belonging from contact) group by year, age_band, gender, belonging",
        plain: "select year, age_band, gender, belonging, count(distinct person) from contact group by year, age_band, gender, belonging",
    },
    Question {
        name: "one year's contacts by district",
        private: "select home_district, count(*) as contacts from contact where year = 2023 group by home_district",
        by_person: "select home_district, sum(n) from (select year, person, home_district, count(*) as n from contact where year = 2023 group by year, person, home_district) group by home_district",
        plain: "select home_district, count(*) from contact where year = 2023 group by home_district",
    },
    Question {
        name: "evening contacts with minors by service",
        private: "select service, count(*) as contacts from contact where age_band in ('13-15', '16-17') and shift in ('evening', 'night') group by service",
        by_person: "select service, sum(n) from (select year, person, service, count(*) as n from contact where age_band in ('13-15', '16-17') and shift in ('evening', 'night') group by year, person, service) group by service",
        plain: "select service, count(*) from contact where age_band in ('13-15', '16-17') and shift in ('evening', 'night') group by service",
    },
    Question {
        name: "mean minutes by shift",
        private: "select shift, avg(minutes) as mean from contact group by shift",
        by_person: "select shift, sum(m) / cast(sum(n) as double) from (select year, person, shift, sum(minutes) as m, count(minutes) as n from contact group by year, person, shift) group by shift",
        plain: "select shift, avg(minutes) from contact group by shift",
    },
    Question {
        name: "persons by number of contacts",
        private: "select case when n <= 10 then '1-10' when n <= 20 then '11-20' else '21+' end as contacts, count(*) as persons from (select person, year, count(*) as n from contact group by person, year) group by 1",
        by_person: "select case when n <= 10 then '1-10' when n <= 20 then '11-20' else '21+' end as contacts, count(*) from (select person, year, count(*) as n from contact group by person, year) group by 1",
        plain: "select case when n <= 10 then '1-10' when n <= 20 then '11-20' else '21+' end as contacts, count(*) from (select person, year, count(*) as n from contact group by person, year) group by 1",
    },
    Question {
        name: "contacts by the person's main service",
        private: "select p.primary_service, count(*) as contacts from contact c join person_year p on c.person = p.person and c.year = p.year where c.area = 'oslo_s' group by p.primary_service",
        by_person: "select primary_service, sum(n) from (select c.year, c.person, p.primary_service, count(*) as n from contact c join person_year p on c.person = p.person and c.year = p.year where c.area = 'oslo_s' group by c.year, c.person, p.primary_service) group by primary_service",
        plain: "select p.primary_service, count(*) from contact c join person_year p on c.person = p.person and c.year = p.year where c.area = 'oslo_s' group by p.primary_service",
    },
    Question {
        name: "persons met at night by age and gender",
        private: "select p.age_band, p.gender, count(*) as persons from person_year p where exists (select 1 from contact c where c.person = p.person and c.year = p.year and c.shift = 'night') group by p.age_band, p.gender",
        by_person: "select age_band, gender, count(*) from (select distinct p.year, p.person, p.age_band, p.gender from person_year p where exists (select 1 from contact c where c.person = p.person and c.year = p.year and c.shift = 'night')) group by age_band, gender",
        plain: "select p.age_band, p.gender, count(*) from person_year p where exists (select 1 from contact c where c.person = p.person and c.year = p.year and c.shift = 'night') group by p.age_band, p.gender",
    },
    Question {
        name: "persons of 13 to 15 per 1,000 residents",
        private: "select t.year, t.home_district, 1000.0 * t.persons / nullif(p.residents, 0) as rate from (select year, home_district, count(distinct person) as persons from contact where age_band = '13-15' group by year, home_district) t join population p on p.year = t.year and p.district = t.home_district and p.age_band = '13-15'",
        by_person: "select t.year, t.home_district, 1000.0 * t.persons / nullif(p.residents, 0) as rate from (select year, home_district, count(*) as persons from (select distinct year, person, home_district from contact where age_band = '13-15') group by year, home_district) t join population p on p.year = t.year and p.district = t.home_district and p.age_band = '13-15'",
        plain: "select t.year, t.home_district, 1000.0 * t.persons / nullif(p.residents, 0) as rate from (select year, home_district, count(distinct person) as persons from contact where age_band = '13-15' group by year, home_district) t join population p on p.year = t.year and p.district = t.home_district and p.age_band = '13-15'",
    },
    Question {
        name: "median minutes by shift",
        private: "select shift, median(minutes) as middle from contact group by shift",
        by_person: "select shift, minutes, sum(n) from (select year, person, shift, minutes, count(*) as n from contact group by year, person, shift, minutes) group by shift, minutes",
        plain: "select shift, median(minutes) from contact group by shift",
    },
];

/// How often each is asked, after once that is not counted.
const REPEATS: usize = 3;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let (rows, repeats) = (numbers.next().unwrap_or(common::ROWS), numbers.next().unwrap_or(REPEATS));
    if let [word, folder, ..] = &arguments[..]
        && word == "load"
    {
        let rows = arguments[2].parse().unwrap();
        let (installation, policy, key) = common::installation(Path::new(folder));
        return common::load(&installation, &policy, &key, rows).await;
    }
    let word =
        arguments.iter().find(|argument| argument.parse::<usize>().is_err()).map_or("", String::as_str);
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("KEPT").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let installation = folder.join("installation");
    if !installation.exists() {
        load_elsewhere(&installation, rows);
    }
    let asked: Vec<&Question> = QUESTIONS.iter().filter(|question| question.name.contains(word)).collect();
    let mut peers = Peers::new(&installation, &folder).await;
    println!("{} rows in one table, {} cores, {repeats} repeats", rows, cores());
    println!("memory before: {} MiB", memory("VmRSS"));
    // Ours first, once each: what the memory of others left behind is not counted as ours. By an engine that knows nothing of the
    // files yet, as after every start.
    let (mut peaks, mut firsts) = (Vec::new(), Vec::new());
    for question in &asked {
        peers.open(&installation);
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        firsts.push(peers.private(question).await);
        peaks.push(memory("VmHWM"));
    }
    if std::env::var_os("ALONE").is_some() {
        for (question, first) in asked.iter().zip(firsts) {
            let mut costs = Vec::new();
            for _ in 0..repeats {
                costs.push(peers.private(question).await);
            }
            let [seconds, worked] = [|cost: &Cost| cost.seconds, |cost: &Cost| cost.work]
                .map(|of| median(&costs.iter().map(of).collect::<Vec<_>>()));
            let name = question.name;
            println!("{name}: {seconds:.3} ({worked:.2}), first {:.3} ({:.2})", first.seconds, first.work);
        }
        return;
    }
    let mut costs = vec![[const { Vec::new() }; 3]; asked.len()];
    let mut is_declared = vec![false; asked.len()];
    for repeat in 0..=repeats {
        for ((question, costs), is_declared) in asked.iter().zip(&mut costs).zip(&mut is_declared) {
            // Twice, and the second time counts, as for DuckDB: what DataFusion leaves behind in this process is not ours.
            peers.private(question).await;
            let ours = peers.private(question).await;
            // The better way of the two is asked again.
            let mut by_person = None;
            if repeat == 0 || !*is_declared {
                by_person = Some(self::by_person(&peers.plain.usual, question).await);
            }
            if repeat == 0 || *is_declared {
                let declared = self::by_person(&peers.plain.declared, question).await;
                *is_declared = by_person.is_none_or(|usual| declared.work < usual.work);
                by_person = Some(declared);
            }
            peers.duckdb.ask(question.plain);
            let cost = [ours, by_person.unwrap(), peers.duckdb.ask(question.plain)];
            if repeat > 0 {
                costs.iter_mut().zip(cost).for_each(|(costs, cost)| costs.push(cost));
            }
        }
    }
    println!("Medians of {repeats}: seconds, and in brackets those of the processors' time.");
    println!(
        "| question | Skjerm | DataFusion, by person | DuckDB, plain | Skjerm / DataFusion | Skjerm / DuckDB | Skjerm, first | peak (MiB) |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let alone = firsts.iter().zip(peaks);
    for (((question, costs), is_declared), (first, peak)) in
        asked.iter().zip(&costs).zip(is_declared).zip(alone)
    {
        let medians = |of: fn(&Cost) -> f64| {
            costs.each_ref().map(|costs| median(&costs.iter().map(of).collect::<Vec<_>>()))
        };
        let (s, w) = (medians(|cost| cost.seconds), medians(|cost| cost.work));
        let how = if is_declared { "*" } else { "" };
        println!(
            "| {} | {:.2} ({:.2}) | {:.2} ({:.2}){how} | {:.2} ({:.2}) | {:.2} ({:.2}) | {:.2} ({:.2}) | {:.2} ({:.2}) | {peak} |",
            question.name,
            s[0],
            w[0],
            s[1],
            w[1],
            s[2],
            w[2],
            s[0] / s[1],
            w[0] / w[1],
            s[0] / s[2],
            w[0] / w[2],
            first.seconds,
            first.work,
        );
    }
    println!("* with the split and the order of the files declared; else DataFusion's own way was faster");
}

/// Loads in another process, whose memory is not ours.
fn load_elsewhere(folder: &Path, rows: usize) {
    let started = Instant::now();
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = process.arg("load").arg(folder).arg(rows.to_string()).status().unwrap();
    assert!(ended.success());
    println!("loaded {rows} rows in {:.0} s", started.elapsed().as_secs_f64());
}

struct Peers {
    engine: Engine,
    plain: Plain,
    duckdb: DuckDb,
    price: f64,
}

impl Peers {
    async fn new(installation: &Path, folder: &Path) -> Self {
        let installation = Installation::open(installation).unwrap();
        let engine = Engine::open(&installation).unwrap();
        let plain = Plain::new();
        let mut duckdb = DuckDb::start(folder);
        for name in ["contact", "person_year"] {
            let files = installation.warehouse_dir().join(name);
            plain.table(name, &files).await;
            duckdb.copy(name, &files, "snappy");
        }
        let population = folder.join("population.parquet");
        write_population(engine.reference(), &population);
        plain.public("population", &population).await;
        duckdb.copy("population", &population, "snappy");
        // Nobody reads more rows than we do: files of older snapshots, say.
        let policy = Arc::new(Policy::load(&installation.policy_path()).unwrap());
        let snapshot = Warehouse::open(&installation, policy).unwrap().snapshot().await.unwrap();
        for name in ["contact", "person_year"] {
            let files = common::files_below(&installation.warehouse_dir().join(name));
            assert_eq!(files, snapshot.tables[name].files.len(), "{name}");
        }
        // Where the folder is kept, other prices than the last time's.
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() % 1000;
        Self { engine, plain, duckdb, price: 3e-5 + now as f64 * 1e-9 }
    }

    /// Opens the installation anew.
    fn open(&mut self, installation: &Path) {
        self.engine = Engine::open(&Installation::open(installation).unwrap()).unwrap();
    }

    /// What a private answer costs. Another price is another question: it is not answered from the store.
    async fn private(&mut self, question: &Question) -> Cost {
        self.price += 1e-6;
        let caller = self.engine.authenticate("researcher").unwrap();
        let ask = Ask { price: Some(Price::Rho(self.price)), ..Ask::default() };
        let (started, before) = (Instant::now(), work_of("self"));
        let answer = self.engine.ask(&caller, question.private, &ask).await.unwrap();
        let cost = Cost { seconds: started.elapsed().as_secs_f64(), work: work_of("self") - before };
        assert!(answer.privacy.charged, "{}", question.name);
        cost
    }
}

/// What the aggregation by person costs.
async fn by_person(context: &SessionContext, question: &Question) -> Cost {
    let (started, before) = (Instant::now(), work_of("self"));
    let rows = context.sql(question.by_person).await.unwrap().collect().await.unwrap();
    let cost = Cost { seconds: started.elapsed().as_secs_f64(), work: work_of("self") - before };
    assert!(rows.iter().any(|batch| batch.num_rows() > 0), "{}", question.name);
    cost
}

fn write_population(reference: &Reference, path: &Path) {
    let figures: Vec<_> = reference.population().collect();
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let rows = RecordBatch::try_from_iter(vec![
        ("year", Arc::new(Int64Array::from_iter_values(figures.iter().map(|f| i64::from(f.1)))) as ArrayRef),
        ("district", texts(figures.iter().map(|f| f.0).collect())),
        ("age_band", texts(figures.iter().map(|f| f.2).collect())),
        (
            "residents",
            Arc::new(Int64Array::from_iter_values(figures.iter().map(|f| i64::try_from(f.3).unwrap()))),
        ),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// MiB of this process, as Linux counts them.
fn memory(what: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}
