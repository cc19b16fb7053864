//! The words of the page, in both languages.

use crate::text::Language;

/// What the page says around the figures.
pub(super) struct Words {
    pub(super) code: &'static str,
    pub(super) language: &'static str,
    pub(super) synthetic: &'static str,
    pub(super) lead: &'static str,
    pub(super) read: &'static str,
    pub(super) read_shown: &'static str,
    pub(super) read_estimate: &'static str,
    pub(super) figures: &'static str,
    pub(super) figure: &'static str,
    pub(super) definition: &'static str,
    pub(super) display: &'static str,
    pub(super) estimate: &'static str,
    pub(super) interval: &'static str,
    pub(super) exact: &'static str,
    pub(super) tables: &'static str,
    pub(super) total: &'static str,
    pub(super) limits: &'static str,
    pub(super) made: &'static str,
    pub(super) unit: &'static str,
    pub(super) mechanism: &'static str,
    pub(super) price: &'static str,
    pub(super) workload: &'static str,
    pub(super) answer: &'static str,
    pub(super) published: &'static str,
    pub(super) supersedes: &'static str,
    pub(super) files: &'static str,
    pub(super) cite: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::No => &NO,
            Language::En => &EN,
        }
    }
}

static NO: Words = Words {
    code: "nb",
    language: "Norsk",
    synthetic: "SYNTETISKE DATA. Tallene er laget for å vise løsningen og gjelder ingen virkelige personer.",
    lead: "Alle tall om personer er publisert med tilfeldig støy, slik at ingen kan gjenkjennes. Derfor har hvert av dem et \
           usikkerhetsintervall.",
    read: "Slik leser du tallene",
    read_shown: "Visningstallet er et helt tall, tilpasset slik at delene i en tabell går opp i summen. «:» betyr at tallet er for lite eller \
                 for usikkert til å vises.",
    read_estimate: "Anslaget er den forventningsrette verdien. Intervallet hører til anslaget og ikke til visningstallet: Slike intervaller \
                    rommer det registrerte antallet i 95 av 100 tilfeller. Bruk anslaget når du regner.",
    figures: "Nøkkeltall",
    figure: "Tall",
    definition: "Hva som er telt",
    display: "Visningstall",
    estimate: "Anslag",
    interval: "95 %-intervall",
    exact: "eksakt",
    tables: "Tabeller",
    total: "i alt",
    limits: "Hva tallene ikke sier",
    made: "Slik er tallene laget",
    unit: "Vern",
    mechanism: "Støy",
    price: "Pris i personvern",
    workload: "Plan",
    answer: "Måling i regnskapet",
    published: "Publisert",
    supersedes: "Erstatter",
    files: "Filene",
    cite: "Slik viser du til tallene",
};

static EN: Words = Words {
    code: "en",
    language: "English",
    synthetic: "SYNTHETIC DATA. The numbers are made up to show what the program does, and are about no real person.",
    lead: "All figures about persons are published with random noise, so that nobody can be recognised. Each of them has an interval of \
           uncertainty for that.",
    read: "How to read the figures",
    read_shown: "The display value is a whole number, fitted so that the parts of a table add up to the total. \":\" means that the number is \
                 too small or too uncertain to be shown.",
    read_estimate: "The estimate is the unbiased value. The interval belongs to the estimate and not to the display value: such intervals \
                    hold the registered number in 95 of 100 cases. Use the estimate for arithmetic.",
    figures: "Key figures",
    figure: "Figure",
    definition: "What is counted",
    display: "Display value",
    estimate: "Estimate",
    interval: "95% interval",
    exact: "exact",
    tables: "Tables",
    total: "total",
    limits: "What the figures do not say",
    made: "How the figures were made",
    unit: "Protection",
    mechanism: "Noise",
    price: "Price in privacy",
    workload: "Plan",
    answer: "Measurement in the ledger",
    published: "Published",
    supersedes: "Supersedes",
    files: "The files",
    cite: "How to cite",
};
