//! `skjerm budget history` and `skjerm budget answers`: what happened, and what was answered.

use clap::Args;
use serde_json::{Value, json};
use skjerm_engine::Engine;
use skjerm_ledger::{Block, Charged, Entry, EntryState, HistoryFilter, KINDS, StoredAnswer};

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output::{self, Sheet};

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only what was charged to, or refused of, this block, as persons/2023.
    #[arg(long, value_name = "FAMILY/BLOCK", value_parser = block)]
    block: Option<Block>,
    /// Only what this analyst asked or did.
    #[arg(long, value_name = "ANALYST")]
    who: Option<String>,
    /// Only this sort of entry.
    #[arg(long, value_parser = KINDS)]
    kind: Option<String>,
    /// Only charges of which this became.
    #[arg(long, value_parser = state)]
    state: Option<EntryState>,
    /// Only from this day or moment on (UTC), as 2026-11-22.
    #[arg(long, value_name = "DAY", value_parser = moment)]
    since: Option<String>,
    /// Only before this day or moment (UTC).
    #[arg(long, value_name = "DAY", value_parser = moment)]
    until: Option<String>,
    /// At most so many, the latest.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    limit: u32,
    /// Who reads: an analyst of the policy with the role "release" or "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward")]
    analyst: String,
}

#[derive(Debug, Args)]
pub(crate) struct AnswersArgs {
    /// Only this answer, with all that it says.
    id: Option<String>,
}

fn block(text: &str) -> Result<Block, String> {
    match text.split_once('/') {
        Some((family, name)) if !family.is_empty() && !name.is_empty() => Ok(Block::new(family, name)),
        _ => Err("a block is written FAMILY/BLOCK, as persons/2023 or scene/2024-summer".to_owned()),
    }
}

fn state(text: &str) -> Result<EntryState, String> {
    [EntryState::Running, EntryState::Lost, EntryState::Settled, EntryState::Abandoned]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| "a charge is running, lost, settled or abandoned".to_owned())
}

/// Entries are timed `2026-11-22T08:15:00.123Z`; the beginning of such a time compares as that moment.
fn moment(text: &str) -> Result<String, String> {
    let shape: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = text.len() >= 4
        && text.len() <= shape.len()
        && text
            .bytes()
            .zip(shape)
            .all(|(found, wanted)| if *wanted == b'0' { found.is_ascii_digit() } else { found == *wanted });
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a moment is a day or the beginning of a time in UTC, as 2026-11-22 or 2026-11-22T08:15"
            .to_owned())
    }
}

pub(crate) fn run(common: &Common, args: HistoryArgs) -> Result<(), Failure> {
    let engine = Engine::open(&open::installation(common)?)?;
    let caller = engine.authenticate(&args.analyst)?;
    let filter = HistoryFilter {
        block: args.block,
        who: args.who,
        kind: args.kind,
        state: args.state,
        since: args.since,
        until: args.until,
        limit: Some(args.limit),
    };
    let entries = engine.history(&caller, &filter)?;
    let mut headers = vec!["entry", "when", "who", "kind", "became", "ρ", "of", "what", "reason"];
    if common.format == Format::Csv {
        headers.extend(["answer", "hash"]);
    }
    let mut sheet = Sheet::new(&headers);
    for entry in &entries {
        sheet.push(cells(entry, common.format));
    }
    output::print(common.format, &sheet, &json!({"entries": entries}))
}

fn cells(entry: &Entry, format: Format) -> Vec<String> {
    let short = |text: &str| {
        if format == Format::Table && text.chars().count() > 80 {
            format!("{}…", text.chars().take(79).collect::<String>())
        } else {
            text.to_owned()
        }
    };
    let (rho, blocks) = amounts(&entry.charges);
    let mut cells = vec![
        entry.id.to_string(),
        entry.when.clone(),
        entry.who.clone(),
        entry.kind.clone(),
        entry.state.map(EntryState::as_str).unwrap_or_default().to_owned(),
        rho,
        blocks,
        short(&entry.what),
        short(entry.reason.as_deref().unwrap_or_default()),
    ];
    if format == Format::Csv {
        cells.extend([entry.answer.clone().unwrap_or_default(), entry.hash.clone()]);
    }
    cells
}

/// Prices and blocks: one price where it is the same for all.
fn amounts(charges: &[Charged]) -> (String, String) {
    let mut prices: Vec<String> = charges.iter().map(|charged| charged.loss.rho.to_string()).collect();
    prices.dedup();
    let blocks: Vec<String> = charges.iter().map(|charged| charged.block.to_string()).collect();
    (prices.join(" "), blocks.join(" "))
}

pub(crate) fn answers(common: &Common, args: &AnswersArgs) -> Result<(), Failure> {
    let engine = Engine::open(&open::installation(common)?)?;
    if let Some(id) = &args.id {
        let answer = engine.stored_answer(id)?.ok_or_else(|| {
            Failure::refused("the ledger has no answer of this id")
                .with_hint("`skjerm budget answers` lists them")
        })?;
        return output::print(common.format, &all_of(&answer), &document(&answer));
    }
    let mut sheet = Sheet::new(&["answer", "when", "who", "kind", "ρ", "of", "question"]);
    let mut documents = Vec::new();
    engine.stored_answers(&mut |answer| {
        let (rho, blocks) = amounts(&answer.charges);
        // One document in memory is enough: the table needs no bodies.
        if common.format == Format::Json {
            documents.push(document(&answer));
        } else {
            let StoredAnswer { id, when, who, kind, question, .. } = answer;
            sheet.push(vec![id, when, who, kind, rho, blocks, question]);
        }
    })?;
    output::print(common.format, &sheet, &json!({"answers": documents}))
}

fn all_of(answer: &StoredAnswer) -> Sheet {
    let (rho, blocks) = amounts(&answer.charges);
    let mut sheet = Sheet::new(&["", "answer"]);
    for (name, value) in [
        ("id", &answer.id),
        ("when", &answer.when),
        ("who asked first", &answer.who),
        ("kind", &answer.kind),
        ("question", &answer.question),
        ("snapshot", &answer.snapshot),
        ("bounds", &answer.bounds),
        ("noise", &answer.noise),
        ("ρ", &rho),
        ("of", &blocks),
        ("entry of its charge", &answer.charge.to_string()),
        ("body", &answer.body),
    ] {
        sheet.push(vec![name.to_owned(), value.clone()]);
    }
    sheet
}

/// The answer with its body as JSON, and not as a text that holds JSON.
fn document(answer: &StoredAnswer) -> Value {
    let mut document = serde_json::to_value(answer).unwrap_or_default();
    document["body"] = serde_json::from_str(&answer.body).unwrap_or_default();
    document
}
