//! `skjerm serve`: the dashboard.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use skjerm_dashboard::steward::{StewardState, Token};
use skjerm_dashboard::{DashboardState, Site};
use skjerm_warehouse::Installation;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port. The public pages have no login: keep to this machine unless all may read them.
    #[arg(long, default_value_t = skjerm_dashboard::DEFAULT_ADDRESS, value_name = "ADDR")]
    listen: SocketAddr,
    /// Serve the steward's page too: the proof of the ledger, budgets in detail, what happened. A link that opens it once is printed on
    /// standard error. On this machine only.
    #[arg(long)]
    steward: bool,
    /// As whom the steward's page lets in: an analyst of the policy with the role "steward".
    #[arg(long = "as", value_name = "ANALYST", default_value = "steward", requires = "steward")]
    analyst: String,
}

/// Where the address is said: it is the result of `serve`, and a remark of `demo`, whose result is printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announce {
    Result,
    Aside,
}

/// Serves the public pages until interrupted; says the address first.
pub(crate) async fn serve(
    format: Format,
    announce: Announce,
    installation: &Installation,
    listen: SocketAddr,
) -> Result<(), Failure> {
    serve_with(format, announce, installation, listen, None).await
}

async fn serve_with(
    format: Format,
    announce: Announce,
    installation: &Installation,
    listen: SocketAddr,
    steward: Option<&str>,
) -> Result<(), Failure> {
    if steward.is_some() {
        skjerm_dashboard::for_this_machine(listen).map_err(|error| Failure::refused(error.to_string()))?;
    }
    let public = DashboardState::open(installation)?;
    let (site, token) = match steward {
        Some(analyst) => {
            let (state, token) = StewardState::open(installation, analyst)?;
            (Site::with_steward(public, state), Some(token))
        }
        None => (Site::from(public), None),
    };
    let listener = skjerm_dashboard::bind(listen).await?;
    let local = listener
        .local_addr()
        .map_err(|error| Failure::fault(format!("the address is not known: {error}")))?;
    if !local.ip().is_loopback() {
        eprintln!(
            "warning: {local} can be reached by others, and the public pages have no login; they show published figures only"
        );
    }
    say(format, announce, local, token.as_ref())?;
    skjerm_dashboard::serve_on(site, listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}

/// Says where the pages are. The link to the steward's page is printed for whoever started the program, and kept nowhere.
fn say(format: Format, announce: Announce, local: SocketAddr, token: Option<&Token>) -> Result<(), Failure> {
    let address = format!("http://{local}");
    let link = token.map(|token| token.link(local));
    match (announce, format) {
        (Announce::Result, Format::Json) => {
            let mut document = json!({"address": address});
            if let Some(link) = &link {
                document["steward"] = json!(link);
            }
            output::print_json(&document)?;
        }
        (Announce::Result, Format::Table | Format::Csv) => {
            output::say_line(&format!("dashboard: {address} (stop with Ctrl-C)"));
        }
        (Announce::Aside, _) => eprintln!("dashboard: {address} (stop with Ctrl-C)"),
    }
    if let Some(link) = &link {
        eprintln!("steward: {link} (opens once, within ten minutes; show it to nobody)");
    }
    Ok(())
}

pub(crate) async fn run(common: &Common, args: ServeArgs) -> Result<(), Failure> {
    let steward = args.steward.then_some(args.analyst.as_str());
    serve_with(common.format, Announce::Result, &open::installation(common)?, args.listen, steward).await
}
