//! The command `skjerm`: one file a verb under `verbs/`, no logic of its own.
//!
//! Exit codes: 0 done, 1 fault, 2 refused input or query, 3 budget exhausted, 4 not permitted.

#![allow(clippy::print_stdout, clippy::print_stderr)] // printing is what a command is for

mod args;
mod failure;
mod memory;
mod open;
mod output;
mod progress;
mod verbs;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::args::{Cli, Format, Verb};
use crate::failure::Failure;

/// Questions take and give back memory by the hundred MB, with all cores at once: a sixth less time than with the system's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long work that nobody waits for has to remove its intermediate files.
const WINDING_UP: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("SKJERM_LOG").unwrap_or_else(|_| {
            tracing_subscriber::EnvFilter::new("warn,datafusion=error,delta_kernel=error")
        }))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let format = cli.common.format;
    let threads = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = memory::keep_private()
        .and_then(|()| {
            threads().map_err(|error| {
                Failure::fault(format!("the program could not start its worker threads: {error}"))
            })
        })
        .and_then(|runtime| {
            let outcome = runtime.block_on(run(cli));
            // What was given up at its deadline may still be at work: how long that takes depends on the data, and nobody
            // waits for it.
            runtime.shutdown_timeout(WINDING_UP);
            outcome
        });
    match outcome {
        Ok(()) if output::is_written() => ExitCode::SUCCESS,
        Ok(()) => {
            eprintln!("error: the result could not be written to standard output; what was done is done");
            eprintln!("hint: make room where it goes, and ask again: an answer that was paid for is free");
            ExitCode::from(1)
        }
        Err(failure) => {
            failure.print(format);
            failure.exit_code()
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let common = cli.common;
    match cli.verb {
        Verb::Demo(args) => verbs::demo::run(&common, args).await,
        Verb::Synth(args) => verbs::synth::run(&common, args),
        Verb::Init(args) => verbs::init::run(&common, &args),
        Verb::Keys(args) => verbs::keys::run(&common, &args).await,
        Verb::Ingest(args) => verbs::ingest::run(&common, args).await,
        Verb::Warehouse(args) => verbs::warehouse::run(&common, args).await,
        Verb::Query(args) => verbs::query::run(&common, args).await,
        Verb::Release(args) => verbs::release::run(&common, args).await,
        Verb::Scene(args) => verbs::scene::run(&common, args).await,
        Verb::Budget(args) => verbs::budget::run(&common, args).await,
        Verb::Serve(args) => verbs::serve::run(&common, args).await,
    }
}

/// Wrong usage is refused input too: a caller that asked for JSON gets its error as JSON.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().collect();
    let json = arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
        || arguments.iter().any(|argument| argument == "--format=json");
    if json {
        let text = error.render().to_string();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:"))
            .filter(|line| !line.is_empty())
            .collect();
        Failure::refused(lines.join(" ").trim_start_matches("error: "))
            .with_hint("run `skjerm --help`")
            .print(Format::Json);
    } else {
        let _ = error.print();
    }
    ExitCode::from(2)
}
