//! Bokmål.

use super::{
    About, Common, Districts, Errors, Figures, Frame, Releases, Scene, Section, Steward, Text, Trend,
};

pub(super) static TEXT: Text = Text {
    frame: Frame {
        tagline: "Nøkkeltall fra oppsøkende arbeid med unge i Oslo",
        skip: "Hopp til innholdet",
        menu: "Hovedmeny",
        other_language: "English",
        synthetic: "SYNTETISKE DATA",
        synthetic_meaning: "Tallene er laget for å vise løsningen og gjelder ingen virkelige personer.",
        foot: "Alle tall om personer er publisert med tilfeldig støy, slik at ingen kan gjenkjennes. \
               Tallene vises derfor med et usikkerhetsintervall.",
        as_json: "Data som JSON",
    },
    common: Common {
        year: "År",
        choose_year: "Velg år",
        shown: "Visningstall",
        estimate_interval: "Anslag (95 %‑intervall)",
        estimate: "Anslag",
        interval: "95 %‑intervall",
        release: "Utgivelse",
        published: "publisert",
        exact: "Eksakt tall",
        exact_meaning: "Gjelder tjenesten selv og inneholder ingen personopplysninger. Publisert uten støy.",
        suppressed_meaning: "«:» betyr at tallet er for lite eller for usikkert til å vises.",
        as_table: "Tallene som tabell",
        show: "Vis",
        between: |low, high| format!("mellom {low} og {high} med 95 % sikkerhet"),
        at_most: |high| format!("for lite eller for usikkert til å vises; høyst {high} med 95 % sikkerhet"),
        at_most_short: |high| format!("høyst {high}"),
        nothing_yet: "Ingen nøkkeltall er publisert ennå",
        nothing_yet_how: "Forvalteren av dataene publiserer tallene for et år med kommandoen",
    },
    figures: Figures {
        nav: "Nøkkeltall",
        title: |year| format!("Nøkkeltall for {year}"),
        lead: "Hvem Uteseksjonen har møtt og fulgt opp i løpet av året. Hver person telles én gang, \
               uansett hvor mange ganger vedkommende er registrert.",
        how: "Slik leser du tallene",
        how_shown: "Det store tallet er visningstallet: et helt tall som er tilpasset slik at delene i en tabell går opp i summen.",
        how_estimate: "Anslaget er den forventningsrette verdien. Intervallet i parentes hører til anslaget, ikke til visningstallet: \
                       Slike intervaller rommer det registrerte antallet i 95 av 100 tilfeller.",
        how_more: "Mer om støy, intervaller og personvern",
        meaning: "Hva tallet betyr",
        see_trend: |label| format!("Utvikling over tid: {label}"),
        more: "Flere nøkkeltall",
        summary: "Kort fortalt",
        share_bar: "Anslag og intervall",
        source: |value| format!("Kilden oppga {value}."),
    },
    districts: Districts {
        nav: "Bydelene",
        title: |year| format!("Bydelene sammenlignet, {year}"),
        lead: "Hvor mange personer hver bydel har i tallene, med intervall. Er intervallene brede, kan to bydeler se ulike ut uten at \
               forskjellen er reell. Velg en bydel for å se hvilke andre den kan skilles fra.",
        measure: "Vis som",
        by_count: "Antall personer",
        by_rate: "Per 1 000 innbyggere 13–24 år",
        district: "Bydel",
        young: "Personer 13–24 år",
        residents: "Innbyggere 13–24 år",
        no_rate: "For få innbyggere til at en rate gir mening",
        choose: "Sammenlign med",
        choose_none: "Ingen valgt",
        compared: |name| format!("{name} og de andre bydelene"),
        same: |name, others| {
            format!(
                "{name} kan ikke skilles fra {others}. Forskjellen mellom dem er mindre enn det usikkerheten alene kan gi."
            )
        },
        same_none: |name| format!("{name} kan skilles fra alle de andre bydelene."),
        higher: |name, others| format!("Høyere enn {name}: {others}."),
        lower: |name, others| format!("Lavere enn {name}: {others}."),
        caution: "Sammenligningen tar hensyn til støyen som er lagt til av personvernhensyn. Den sier ikke noe om hvorfor bydelene er ulike, og \
                  registreringspraksis kan variere mellom tjenestene.",
        chart_title: |rate, year| {
            if rate {
                format!("Personer per 1 000 innbyggere 13–24 år, etter bydel, {year}")
            } else {
                format!("Antall personer etter bydel, {year}")
            }
        },
        chart_desc: |count, highest, lowest| {
            format!(
                "Punkt og 95 %‑intervall for {count} bydeler. Høyest: {highest}. Lavest: {lowest}. Tallene står i tabellen under."
            )
        },
        axis_count: "Personer",
        axis_rate: "Personer per 1 000 innbyggere 13–24 år",
        legend_chosen: "Valgt bydel",
        legend_differs: "Kan skilles fra den valgte",
        legend_same: "Kan ikke skilles fra den valgte",
        legend_plain: "Anslag med 95 %‑intervall",
        relation: "Mot den valgte",
        relations: ["valgt", "høyere", "lavere", "kan ikke skilles"],
    },
    trend: Trend {
        nav: "Utvikling",
        title: "Utvikling over tid",
        lead: "Ett nøkkeltall gjennom årene, med 95 %‑intervall. Tabellen sier om en endring er større enn usikkerheten.",
        choose: "Velg nøkkeltall",
        chart_title: |label| format!("{label}, utvikling over tid"),
        chart_desc: |first, first_value, last, last_value| {
            format!(
                "Linje med 95 %‑intervall fra {first} til {last}. {first}: {first_value}. {last}: {last_value}. Tallene står i tabellen under."
            )
        },
        axis_cut: "Merk: Den loddrette aksen begynner ikke på null.",
        legend_line: "Anslag",
        legend_band: "95 %‑intervall",
        legend_exact: "Eksakt tall, uten støy",
        change: "Endring fra året før",
        one_year: "Bare ett år er publisert så langt. Utviklingen vises når flere år er publisert.",
    },
    scene: Scene {
        nav: "Åpne rusmiljø",
        title: "Tellinger i åpne rusmiljø",
        lead: "Hvor mange som i gjennomsnitt er observert per telling, etter vakt og område.",
        none: "Ingen sammenligning er lagret",
        none_how: "En sammenligning av to tellinger bestilles av en planlegger eller forvalter med kommandoen",
        none_why: "Et slikt spørsmål bruker av tellingenes personvernbudsjett. Derfor kan det ikke stilles fra denne siden.",
        compared: |first, second| format!("{first} mot {second}"),
        shift_area: "Vakt og område",
        change: "Endring",
        answers: "Svar",
        caution: "Tallene er observasjoner og ikke unike personer: Den samme personen kan være sett i flere runder.",
        caption: "Gjennomsnittlig antall observerte per telling, anslag med 95 %‑intervall",
        verdict: "Vurdering",
        verdicts: ["økning", "nedgang", "kan ikke skilles"],
    },
    releases: Releases {
        nav: "Publiseringer",
        title: "Alle publiseringer",
        lead: "En publisering endres aldri og trekkes aldri tilbake. En senere kan tre i stedet for den. Hver har en side å lese og filer til egen bruk.",
        period: "Gjelder",
        status: "Status",
        in_force: "gjeldende",
        superseded: "avløst av",
        downloads: "Filer",
        files: [
            ("tables.csv", "CSV"),
            ("tables.parquet", "Parquet"),
            ("figures_and_tables.no.json", "JSON-stat"),
            ("figures.csv", "nøkkeltall"),
            ("metadata.json", "metadata"),
        ],
    },
    about: About {
        nav: "Om tallene",
        title: "Om tallene og personvernet",
        lead: "Tallene bygger på opplysninger om barn og unge i sårbare situasjoner. De er publisert slik at ingen kan finne ut om \
               en bestemt person er med.",
        sections: &[
            Section {
                id: "intervall",
                heading: "Hvordan lese et intervall",
                paragraphs: &[
                    "Til hvert tall om personer er det lagt tilfeldig støy. Vi vet nøyaktig hvordan støyen er fordelt, og kan derfor si hvor \
                     usikkert tallet er. «Anslag 1 975 (1 958–1 992)» betyr at intervallet fra 1 958 til 1 992 er laget med en metode som \
                     rommer det registrerte antallet i 95 av 100 tilfeller.",
                    "Intervallet hører til anslaget. Visningstallet er avrundet og tilpasset slik at tabellene går opp. Det brukes der \
                     tall skal summeres eller gjengis, men det har ikke noe eget intervall.",
                    "Små tall er mest påvirket av støyen: Et intervall på pluss/minus 15 betyr lite for 1 975 og mye for 20. Et anslag kan \
                     bli negativt når det registrerte antallet er nær null.",
                    "Intervallet dekker støyen. Det dekker ikke feil i registreringen, ulik registreringspraksis eller personer som ikke er registrert.",
                ],
            },
            Section {
                id: "lofte",
                heading: "Hva som er lovet",
                paragraphs: &[
                    "Alt som gjelder én person i ett kalenderår, er beskyttet samlet (differensielt personvern, zCDP). Det som publiseres, ville vært \
                     nesten like sannsynlig om personen ikke var med.",
                    "Hvert år har ett budsjett for alt som noen gang slipper ut om det året, til hvem som helst. Budsjettet belastes før dataene leses, og fylles aldri på igjen.",
                    "Samme spørsmål gir samme svar. Støyen kan derfor ikke regnes bort ved å spørre mange ganger.",
                    "For tellinger i åpne rusmiljø gjelder det samme for alle observasjoner av én person i én tellekampanje.",
                ],
            },
            Section {
                id: "ikke-lovet",
                heading: "Hva som ikke er lovet",
                paragraphs: &[
                    "To ulike pseudonymer for samme menneske regnes som to personer. Det skjer når en kilde bare kjenner et kallenavn.",
                    "Den som er registrert i flere år, er beskyttet hvert år for seg. Over flere år legges budsjettene sammen.",
                    "Tall om patruljer gjelder tjenesten og er publisert nøyaktig som de er.",
                    "Forvalteren, som har nøklene og kildefilene, må man ha tillit til.",
                ],
            },
        ],
        budget: "Personvernbudsjettet",
        budget_lead: "Søylen viser hvor mye av budsjettet som er brukt. Jo mer som er brukt, desto mer kan samlet være kjent om hver enkelt. \
                      ρ måler budsjettet og kan legges sammen; ε er det samme uttrykt på en annen måte.",
        families: ["Personer, per kalenderår", "Åpne rusmiljø, per tellekampanje"],
        block: "Gjelder",
        spent: "Brukt",
        left: "Igjen",
        limit: "Hele budsjettet",
        bar: |share| format!("{share} brukt"),
        delta: |delta| format!("ε er regnet ut ved δ = {delta}."),
        published: "Publisert",
        releases: "Utgivelser",
        sum: |count, rho, epsilon| {
            format!(
                "For en person som er registrert i alle de {count} årene, er det samlede forbruket så langt ρ = {rho} (ε = {epsilon})."
            )
        },
    },
    steward: Steward {
        nav: "Forvalter",
        title: "Forvalterens side",
        lead: "Om regnskapet er helt, hva som er brukt av budsjettene, og hva som er skjedd.",
        private: "For forvalteren – ikke til publisering",
        private_meaning: "Siden viser spørsmål, navn på dem som spør, og budsjetter i detalj.",
        session: |who, until| format!("Innlogget som {who}. Innloggingen varer til {until} UTC."),
        unread: |why| format!("Denne delen kunne ikke leses. {why}"),
        brief: ["Regnskapet", "Tapte belastninger", "Avslag de siste 30 dagene", "Utgivelser som gjenstår"],
        book_state: ["helt", "ikke helt"],
        book: "Er regnskapet helt?",
        whole: "Regnskapet er helt: Hver oppføring står slik den ble skrevet, og ingen mangler.",
        broken: "Regnskapet er ikke slik det ble skrevet. Hent fram den siste hele kopien, og finn ut hvem som har endret det. \
                 Still ingen spørsmål før det er gjort.",
        checked: |when| format!("Kontrollert {when} UTC. Kontrollen gjentas ikke oftere enn hvert minutt."),
        book_terms: ["Oppføringer", "Svar", "Siste oppføring, til oppbevaring et annet sted"],
        head_how: "Oppbevar denne linjen utenfor maskinen. Den viser senere at ingenting før den er endret eller fjernet:",
        problem_at: |entry| format!("Feil ved oppføring {entry}"),
        problem: "Feil",
        remarks: "Merknader",
        budgets: "Budsjettene",
        budgets_lead: "Hvor mye som er brukt av hvert budsjett, og av hvem. Tapte og pågående spørsmål er regnet med.",
        within: |block| format!("Andeler og analytikere: {block}"),
        within_columns: ["Navn", "Hva", "Ramme"],
        within_kinds: ["andel", "analytiker"],
        thresholds: |spent, limit| format!("Terskler har brukt δ = {spent} av {limit}."),
        sum: |count, [rho, rho_limit, epsilon, epsilon_limit, delta]| {
            format!(
                "Den som er med i alle {count} over, har samlet tapt ρ = {rho} av {rho_limit} (ε = {epsilon} av {epsilon_limit} ved δ = {delta})."
            )
        },
        forecast: "Prognose",
        forecast_lead: "Hva de planlagte utgivelsene fortsatt trenger av hvert års budsjett. En utgivelse tar det andelen dens har igjen.",
        forecast_made: |when| format!("Beregnet {when} UTC."),
        forecast_columns: ["Planlagt", "Tilstand", "Trenger ρ", "Bredeste ±", "Igjen til spørsmål ρ"],
        forecast_states: ["publisert", "publisert; dataene er endret siden", "gjenstår", "ikke nok igjen"],
        lost: [
            "Tapte belastninger",
            "Spørsmål som ble betalt og aldri besvart, fordi programmet stanset. Prisen er fortsatt belastet.",
            "Ingen belastninger er tapt.",
        ],
        refused: [
            "Avslag",
            "Spørsmål og innlogginger som er avvist de siste 30 dagene.",
            "Ingenting er avvist de siste 30 dagene.",
        ],
        records: [
            "Utgivelsenes protokoll",
            "Hva som er sluppet ut, hvorfor, av hvem, med hvilken risiko, og hva som ble kontrollert.",
            "Ingen utgivelse er protokollført.",
        ],
        record: |year, revision, day, by| format!("{year}, utgave {revision}: {day} av {by}"),
        record_status: ["alle kontroller bestått", "kontroll ikke bestått"],
        record_terms: [
            "Hva",
            "Hvorfor",
            "Av hvem",
            "Oppføring",
            "Måling",
            "Datagrunnlag",
            "Omfang",
            "Pris",
            "Brukt av året da",
            "Brukt av alle år da",
        ],
        no_reason: "ikke oppgitt",
        record_size: |tables, cells, suppressed| {
            format!("{tables} tabeller, {cells} celler, {suppressed} av dem vist som «:»")
        },
        record_parts: ["Risiko", "Kontroller"],
        check: ["bestått", "ikke bestått"],
        record_unread: |entry| format!("Oppføring {entry} kan ikke leses som protokoll."),
        entries: [
            "Siste oppføringer",
            "De siste 50, nyeste først. Teksten står slik den ble ført i regnskapet.",
        ],
        entries_none: "Ingen oppføringer passer.",
        entries_more: "Eldre oppføringer, andre tidsrom og hele spørsmål skrives ut med kommandoen",
        by_kind: ["Slag", "alle"],
        only: |name, value| format!("Bare {name}: {value}"),
        without: "vis alle",
        columns: ["Nr.", "Når (UTC)", "Hvem", "Slag", "Ble", "Gjelder", "Hva", "Begrunnelse"],
        kinds: &[
            ("begun", "begynt"),
            ("limits", "rammer"),
            ("charge", "belastning"),
            ("resumed", "gjenopptatt"),
            ("answer", "svar"),
            ("abandoned", "avbrutt"),
            ("refused", "avslag"),
            ("written_off", "avskrevet"),
            ("checkpoint", "mellomstand"),
            ("policy", "regler"),
            ("release", "utgivelse"),
            ("erasure", "sletting"),
            ("retention", "lagringstid"),
            ("keys", "nøkler"),
            ("login", "innlogging"),
        ],
        became: ["pågår", "tapt", "besvart", "avbrutt"],
        latest: |count, command| format!("De siste {count} vises. Alle skrives ut med {command}."),
    },
    errors: Errors {
        missing: "Fant ikke siden",
        missing_text: "Siden finnes ikke, eller den er flyttet.",
        no_year: |years| format!("Det er ikke publisert tall for dette året. Publiserte år: {years}."),
        no_figure: "Nøkkeltallet finnes ikke.",
        no_district: "Bydelen finnes ikke i sammenligningen.",
        no_filter: "Det finnes ikke noe slikt å velge ut. Regnskapet har ingen slike oppføringer.",
        shut: "Ingen adgang",
        shut_text: "Denne siden er for forvalteren. Den åpnes med lenken som programmet skrev da det ble startet. Lenken virker én gang, og ikke lenge.",
        no_entry: "Innloggingen kunne ikke føres i regnskapet, og derfor er ingen sluppet inn. Kommandoen skjerm budget verify sier mer.",
        method: "Denne siden kan bare leses.",
        fault: "Noe gikk galt",
        fault_text: "Siden kunne ikke vises. Feilen er skrevet til tjenerens logg. Prøv igjen om litt.",
        home: "Til nøkkeltallene",
    },
};
