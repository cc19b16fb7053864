//! English.

use super::{
    About, Common, Districts, Errors, Figures, Frame, Releases, Scene, Section, Steward, Text, Trend,
};

pub(super) static TEXT: Text = Text {
    frame: Frame {
        tagline: "Key figures on outreach work with young people in Oslo",
        skip: "Skip to content",
        menu: "Main menu",
        other_language: "Norsk",
        synthetic: "SYNTHETIC DATA",
        synthetic_meaning: "The figures are made up to show the service and concern no real persons.",
        foot: "Every figure about persons is published with random noise, so that nobody can be recognised. \
               The figures are therefore shown with an interval of uncertainty.",
        as_json: "Data as JSON",
    },
    common: Common {
        year: "Year",
        choose_year: "Choose year",
        shown: "Display value",
        estimate_interval: "Estimate (95% interval)",
        estimate: "Estimate",
        interval: "95% interval",
        release: "Release",
        published: "published",
        exact: "Exact figure",
        exact_meaning: "About the service itself; it holds no personal data. Published without noise.",
        suppressed_meaning: "“:” means that the number is too small or too uncertain to be shown.",
        as_table: "The figures as a table",
        show: "Show",
        between: |low, high| format!("between {low} and {high} with 95% confidence"),
        at_most: |high| format!("too small or too uncertain to be shown; at most {high} with 95% confidence"),
        at_most_short: |high| format!("at most {high}"),
        nothing_yet: "No key figures have been published yet",
        nothing_yet_how: "The steward of the data publishes a year's figures with the command",
    },
    figures: Figures {
        nav: "Key figures",
        title: |year| format!("Key figures for {year}"),
        lead: "Whom Uteseksjonen, the city's outreach service, met and followed up during the year. Each person is counted once, \
               however often they were registered.",
        how: "How to read the figures",
        how_shown: "The large number is the display value: a whole number fitted so that the parts of a table add up to its total.",
        how_estimate: "The estimate is the unbiased value. The interval in brackets belongs to the estimate and not to the display value: \
                       such intervals hold the registered number in 95 of 100 cases.",
        how_more: "More on noise, intervals and privacy",
        meaning: "What the figure means",
        see_trend: |label| format!("Trend over the years: {label}"),
        more: "More key figures",
        summary: "In brief",
        share_bar: "Estimate and interval",
        source: |value| format!("The source says {value}."),
    },
    districts: Districts {
        nav: "Districts",
        title: |year| format!("The districts compared, {year}"),
        lead: "How many persons each district has in the figures, with an interval. Where intervals are wide, two districts can look different \
               without the difference being real. Choose a district to see which others it can be told apart from.",
        measure: "Show as",
        by_count: "Number of persons",
        by_rate: "Per 1,000 residents aged 13–24",
        district: "District",
        young: "Persons aged 13–24",
        residents: "Residents aged 13–24",
        no_rate: "Too few residents for a rate to mean anything",
        choose: "Compare with",
        choose_none: "None chosen",
        compared: |name| format!("{name} and the other districts"),
        same: |name, others| {
            format!(
                "{name} cannot be distinguished from {others}. The difference between them is smaller than uncertainty alone can make."
            )
        },
        same_none: |name| format!("{name} can be distinguished from every other district."),
        higher: |name, others| format!("Higher than {name}: {others}."),
        lower: |name, others| format!("Lower than {name}: {others}."),
        caution: "The comparison allows for the noise added for privacy. It does not say why districts differ, \
                  and services may register in different ways.",
        chart_title: |rate, year| {
            if rate {
                format!("Persons per 1,000 residents aged 13–24, by district, {year}")
            } else {
                format!("Number of persons by district, {year}")
            }
        },
        chart_desc: |count, highest, lowest| {
            format!(
                "Dot and 95% interval for {count} districts. Highest: {highest}. Lowest: {lowest}. The numbers are in the table below."
            )
        },
        axis_count: "Persons",
        axis_rate: "Persons per 1,000 residents aged 13–24",
        legend_chosen: "Chosen district",
        legend_differs: "Can be told apart from the chosen one",
        legend_same: "Cannot be told apart from the chosen one",
        legend_plain: "Estimate with 95% interval",
        relation: "Against the chosen one",
        relations: ["chosen", "higher", "lower", "not distinguishable"],
    },
    trend: Trend {
        nav: "Trend",
        title: "Trend over the years",
        lead: "One key figure over the years, with its 95% interval. The table says whether a change is larger than the uncertainty.",
        choose: "Choose a key figure",
        chart_title: |label| format!("{label}, over the years"),
        chart_desc: |first, first_value, last, last_value| {
            format!(
                "Line with 95% interval from {first} to {last}. {first}: {first_value}. {last}: {last_value}. The numbers are in the table below."
            )
        },
        axis_cut: "Note: the vertical axis does not begin at zero.",
        legend_line: "Estimate",
        legend_band: "95% interval",
        legend_exact: "Exact figure, without noise",
        change: "Change from the year before",
        one_year: "Only one year has been published so far. The trend appears when more years are published.",
    },
    scene: Scene {
        nav: "Open drug scenes",
        title: "Counts in open drug scenes",
        lead: "How many were observed on average per count, by shift and area.",
        none: "No comparison is stored",
        none_how: "A planner or the steward asks for a comparison of two counts with the command",
        none_why: "Such a question spends from the privacy budget of the counts. It can therefore not be asked from this page.",
        compared: |first, second| format!("{first} against {second}"),
        shift_area: "Shift and area",
        change: "Change",
        answers: "Answers",
        caution: "The figures are observations and not distinct persons: the same person may be seen in several rounds.",
        caption: "Mean number observed per count, estimate with 95% interval",
        verdict: "Verdict",
        verdicts: ["rise", "fall", "not distinguishable"],
    },
    releases: Releases {
        nav: "Releases",
        title: "All releases",
        lead: "A release never changes and is never withdrawn. A later one can take its place. Each has a page to read, and files for your own use.",
        period: "About",
        status: "Status",
        in_force: "in force",
        superseded: "superseded by",
        downloads: "Files",
        files: [
            ("tables.csv", "CSV"),
            ("tables.parquet", "Parquet"),
            ("figures_and_tables.en.json", "JSON-stat"),
            ("figures.csv", "key figures"),
            ("metadata.json", "metadata"),
        ],
    },
    about: About {
        nav: "About the figures",
        title: "About the figures and privacy",
        lead: "The figures rest on records of children and young people in vulnerable situations. They are published so that nobody \
               can find out whether a particular person is among them.",
        sections: &[
            Section {
                id: "interval",
                heading: "How to read an interval",
                paragraphs: &[
                    "Random noise is added to every figure about persons. We know exactly how the noise is distributed, and can therefore say how \
                     uncertain a figure is. “Estimate 1,975 (1,958–1,992)” means that the interval from 1,958 to 1,992 is made by a method that \
                     holds the registered number in 95 of 100 cases.",
                    "The interval belongs to the estimate. The display value is rounded and fitted so that tables add up. Use it where \
                     figures are summed or quoted, but it has no interval of its own.",
                    "Small figures are affected most: plus or minus 15 means little for 1,975 and much for 20. An estimate can be \
                     negative when the registered number is near zero.",
                    "The interval covers the noise. It does not cover errors of registration, differing practice, or persons who were not registered.",
                ],
            },
            Section {
                id: "promise",
                heading: "What is promised",
                paragraphs: &[
                    "Everything about one person in one calendar year is protected together (differential privacy, zCDP). What is published would have been \
                     almost equally likely had the person not been there.",
                    "Each year has one budget for everything that ever leaves about that year, to anyone. It is charged before the data are read, and never refilled.",
                    "The same question gets the same answer. Noise can therefore not be averaged away by asking many times.",
                    "For counts in open drug scenes the same holds for all observations of one individual in one campaign.",
                ],
            },
            Section {
                id: "not-promised",
                heading: "What is not promised",
                paragraphs: &[
                    "Two pseudonyms of one human being count as two persons. This happens when a source knows only a nickname.",
                    "Someone who is registered in several years is protected in each year by itself. Over years the budgets add up.",
                    "Figures on patrols are about the service and are published exactly as they are.",
                    "The steward, who has the keys and the source files, has to be trusted.",
                ],
            },
        ],
        budget: "The privacy budget",
        budget_lead: "The bar shows how much of the budget is spent. The more is spent, the more can be known in all about each individual. \
                      ρ measures the budget and can be added up; ε expresses the same in another way.",
        families: ["Persons, per calendar year", "Open drug scenes, per campaign"],
        block: "About",
        spent: "Spent",
        left: "Left",
        limit: "Whole budget",
        bar: |share| format!("{share} spent"),
        delta: |delta| format!("ε is computed at δ = {delta}."),
        published: "Published",
        releases: "Releases",
        sum: |count, rho, epsilon| {
            format!(
                "For a person registered in all of the {count} years, what is spent so far comes to ρ = {rho} (ε = {epsilon}) in all."
            )
        },
    },
    steward: Steward {
        nav: "Steward",
        title: "The steward's page",
        lead: "Whether the ledger is whole, what is spent of the budgets, and what has happened.",
        private: "For the steward – not for publication",
        private_meaning: "The page shows questions, the names of those who ask, and budgets in detail.",
        session: |who, until| format!("Logged in as {who}. The login lasts until {until} UTC."),
        unread: |why| format!("This part could not be read. {why}"),
        brief: ["The ledger", "Lost charges", "Refusals of the last 30 days", "Releases that are due"],
        book_state: ["whole", "not whole"],
        book: "Is the ledger whole?",
        whole: "The ledger is whole: every entry stands as it was written, and none is missing.",
        broken: "The ledger is not as it was written. Put back the latest whole copy, and find out who changed it. \
                 Ask nothing until that is done.",
        checked: |when| format!("Checked {when} UTC. The check is not repeated within a minute."),
        book_terms: ["Entries", "Answers", "Head, to keep elsewhere"],
        head_how: "Keep this line outside this machine. It shows later that nothing before it was changed or removed:",
        problem_at: |entry| format!("Problem at entry {entry}"),
        problem: "Problem",
        remarks: "Remarks",
        budgets: "The budgets",
        budgets_lead: "How much of each budget is spent, and by whom. Lost and running questions are counted.",
        within: |block| format!("Shares and analysts: {block}"),
        within_columns: ["Name", "What", "Limit"],
        within_kinds: ["share", "analyst"],
        thresholds: |spent, limit| format!("Thresholds have used δ = {spent} of {limit}."),
        sum: |count, [rho, rho_limit, epsilon, epsilon_limit, delta]| {
            format!(
                "Somebody who is in all {count} above has lost ρ = {rho} of {rho_limit} in all (ε = {epsilon} of {epsilon_limit} at δ = {delta})."
            )
        },
        forecast: "Forecast",
        forecast_lead: "What the planned releases still need of each year's budget. A release takes what its share has left.",
        forecast_made: |when| format!("Made {when} UTC."),
        forecast_columns: ["Planned", "State", "Needs ρ", "Widest ±", "Left for questions ρ"],
        forecast_states: ["published", "published; the data changed since", "due", "not enough left"],
        lost: [
            "Lost charges",
            "Questions that were paid for and never answered, because the program stopped. Their price stays charged.",
            "No charge is lost.",
        ],
        refused: [
            "Refusals",
            "Questions and logins that were turned down in the last 30 days.",
            "Nothing was turned down in the last 30 days.",
        ],
        records: [
            "Records of the releases",
            "What was let out, why, by whom, at which risk, and what was checked.",
            "No release has a record.",
        ],
        record: |year, revision, day, by| format!("{year}, revision {revision}: {day} by {by}"),
        record_status: ["all checks passed", "a check failed"],
        record_terms: [
            "What",
            "Why",
            "By whom",
            "Entry",
            "Measurement",
            "Snapshot",
            "Size",
            "Price",
            "Spent of the year then",
            "Spent of all years then",
        ],
        no_reason: "not given",
        record_size: |tables, cells, suppressed| {
            format!("{tables} tables, {cells} cells, {suppressed} of them shown as “:”")
        },
        record_parts: ["Risk", "Checks"],
        check: ["passed", "failed"],
        record_unread: |entry| format!("Entry {entry} cannot be read as a record."),
        entries: [
            "Last entries",
            "The last 50, newest first. The text stands as it was written in the ledger.",
        ],
        entries_none: "No entry fits.",
        entries_more: "Older entries, other periods and whole questions are printed by the command",
        by_kind: ["Kind", "all"],
        only: |name, value| format!("Only {name}: {value}"),
        without: "show all",
        columns: ["No.", "When (UTC)", "Who", "Kind", "Became", "Of", "What", "Reason"],
        kinds: &[
            ("begun", "begun"),
            ("limits", "limits"),
            ("charge", "charge"),
            ("resumed", "resumed"),
            ("answer", "answer"),
            ("abandoned", "abandoned"),
            ("refused", "refusal"),
            ("written_off", "written off"),
            ("checkpoint", "checkpoint"),
            ("policy", "policy"),
            ("release", "release"),
            ("erasure", "erasure"),
            ("retention", "retention"),
            ("keys", "keys"),
            ("login", "login"),
        ],
        became: ["running", "lost", "answered", "given up"],
        latest: |count, command| format!("The latest {count} are shown. All are printed by {command}."),
    },
    errors: Errors {
        missing: "Page not found",
        missing_text: "The page does not exist, or it has moved.",
        no_year: |years| format!("No figures are published for this year. Published years: {years}."),
        no_figure: "There is no such key figure.",
        no_district: "The district is not in the comparison.",
        no_filter: "There is nothing of that name to choose. The ledger has no such entries.",
        shut: "No entry",
        shut_text: "This page is for the steward. It is opened with the link that the program printed when it was started. The link works once, and not for long.",
        no_entry: "The login could not be entered in the ledger, so nobody was let in. The command skjerm budget verify says more.",
        method: "This page can only be read.",
        fault: "Something went wrong",
        fault_text: "The page could not be shown. The fault is written to the server's log. Try again in a while.",
        home: "To the key figures",
    },
};
