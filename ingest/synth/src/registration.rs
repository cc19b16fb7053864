//! What one registration says, apart from the person, and the words that exports have for it.

/// A row of the SOMA- and Kontakt-like exports; the kind decides which table it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Contact,
    FollowUp,
    Referral,
    Measure,
    Missing,
    Concern,
    JourneyHome,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Contact => "Kontakt",
            Self::FollowUp => "Oppfølging",
            Self::Referral => "Henvisning",
            Self::Measure => "Tiltak",
            Self::Missing => "Savnetmelding",
            Self::Concern => "Bekymringsmelding",
            Self::JourneyHome => "Hjemreise",
        }
    }
}

/// The six areas of the counts, then the district's own, then none given.
pub(crate) const AREAS: [&str; 8] = [
    "Oslo S",
    "Storgata/Brugata",
    "Nedre Akerselva",
    "Vaterland/Grønland",
    "Urtegata",
    "Kvadraturen/Skippergata",
    "i bydelen",
    "",
];
/// How many of the areas are counted.
pub(crate) const COUNTED_AREAS: usize = 6;

/// Day, evening, night, none given.
pub(crate) const SHIFTS: [&str; 4] = ["Dag", "Kveld", "Natt", ""];

/// Measures, in the order of their roles.
pub(crate) const MEASURES: [&str; 6] = [
    "Psykolog",
    "Hasjavvenning",
    "Forsterket oppfølging",
    "Sysselsetting",
    "Aktivitet med mentor",
    "Likepersonsarbeid",
];

/// Referrals; the first is the role of its own.
pub(crate) const REFERRALS: [&str; 6] = [
    "Tverrfaglig spesialisert behandling (TSB)",
    "Psykisk helsevern",
    "NAV",
    "Barneverntjenesten",
    "Helsetjeneste",
    "Annet eller ukjent",
];

/// A note in free text, by the indices of its phrase and of two names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) phrase: u8,
    pub(crate) woman: bool,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// One registration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Day of the year, from 0.
    pub(crate) day: u16,
    pub(crate) kind: Kind,
    pub(crate) person: u32,
    /// Of a contact: the person's first at this service.
    pub(crate) first: bool,
    pub(crate) area: u8,
    pub(crate) shift: u8,
    /// Half minutes, where a duration is given.
    pub(crate) half_minutes: Option<u16>,
    /// Index into the measures or referrals.
    pub(crate) detail: u8,
    pub(crate) note: Option<Note>,
    /// Which of the service's staff wrote it.
    pub(crate) staff: u8,
}
