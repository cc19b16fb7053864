//! Every shipped source, read as the contract of its mapping says.

use super::*;

#[test]
fn a_soma_contact_becomes_a_pseudonymous_row() {
    let bench = Bench::new();
    let file = bench.soma(&[SomaRow::new(1)]);
    assert_eq!((file.read, faults(&file)), (1, vec![]));
    let batch = table(&file, "contact");
    assert_eq!(batch.schema(), bench.policy.table("contact").unwrap().arrow_schema());
    for (column, value) in [
        ("year", "2023"),
        ("month", "6"),
        ("date", "19523"),
        ("age_band", "16-17"),
        ("gender", "female"),
        ("belonging", "oslo"),
        ("home_municipality", "0301"),
        ("home_district", "030104"),
        ("link_level", "national_id"),
        ("service", "uteseksjonen"),
        ("area", "oslo_s"),
        ("shift", "evening"),
        ("first_time", "yes"),
        ("minutes", "12"),
    ] {
        assert_eq!(cells(batch, column), [value], "{column}");
    }
}

#[test]
fn the_type_leads_to_its_table_and_unknowns_are_unknown() {
    let bench = Bench::new();
    let types = [
        ("Kontakt", "contact"),
        ("Oppfølging", "follow_up"),
        ("Henvisning", "referral"),
        ("Tiltak", "measure"),
        ("Savnetmelding", "missing_report"),
        ("Bekymringsmelding", "concern_report"),
        ("Hjemreise", "journey_home"),
    ];
    let rows: Vec<SomaRow> = (1..)
        .zip(types)
        .map(|(n, (word, _))| {
            let row = SomaRow::new(n)
                .with("Registreringstype", word)
                .with("Enhet", "Bydel Alna")
                .with("Varighet (min)", "");
            let row =
                row.with("Bydel", "").with("Hjemkommune", "").with("Kjønn", "Ukjent").with("Førstegang", "");
            row.with("Tilhørighet", "Ukjent eller utlandet")
                .with("Tiltak", "Hasjavvenning")
                .with("Henvist til", "NAV")
        })
        .collect();
    let file = bench.soma(&rows);
    assert_eq!(faults(&file), []);
    for (_, name) in types {
        let batch = table(&file, name);
        assert_eq!(batch.num_rows(), 1, "{name}");
        for column in ["home_district", "home_municipality", "gender", "belonging"] {
            assert_eq!(cells(batch, column), ["unknown"], "{name} {column}");
        }
        assert_eq!(cells(batch, "service"), ["030112"]);
    }
    assert_eq!(cells(table(&file, "measure"), "measure_kind"), ["cannabis_cessation"]);
    assert_eq!(cells(table(&file, "referral"), "referred_to"), ["nav"]);
    assert_eq!(cells(table(&file, "contact"), "minutes"), ["null"]);
    assert_eq!(cells(table(&file, "contact"), "first_time"), ["unknown"]);
}

#[test]
fn a_person_links_by_number_then_name_then_client() {
    let bench = Bench::new();
    let nameless = SomaRow::new(5).nickname();
    let file = bench.soma(&[
        SomaRow::new(1),
        SomaRow::new(2).with("Fødselsnummer", LOST_ZERO).with("Fornavn", "Annet").with("Klientnr", "K18"),
        SomaRow::new(3).with("Fødselsnummer", ""),
        SomaRow::new(4).with("Fødselsnummer", "ukjent").with("Fornavn", "NORDMANN").with("Etternavn", "Kári"),
        nameless.clone(),
        nameless.with("Registreringsnr", "6").with("Fødselsdato", "").with("Klientnr", "K17"),
        SomaRow::new(7).with("Fødselsnummer", "").with("Fødselsdato", ""),
        SomaRow::new(8).with("Fødselsnummer", "").with("Etternavn", ""),
        SomaRow::new(9).nickname().with("Klientnr", ""),
    ]);
    let batch = table(&file, "contact");
    let [national, name, client] = ["national_id", "name_birth", "client"];
    assert_eq!(cells(batch, "link_level"), [national, national, name, name, client, client, client, client]);
    let person = cells(batch, "person");
    assert_eq!(person[0], person[1]);
    assert_eq!(person[2], person[3]);
    assert_eq!(person[4], person[5]);
    assert_eq!(person[4], person[6]);
    assert_eq!(person[4], person[7]);
    assert_eq!(std::collections::BTreeSet::from_iter(&person).len(), 3);
    assert_eq!(faults(&file), [(10, "Fødselsnummer", "missing_person")]);
    assert_eq!(cells(batch, "age_band")[5], "unknown");
}

#[test]
fn a_record_is_its_source_table_number_and_service() {
    let bench = Bench::new();
    let file = bench.soma(&[
        SomaRow::new(1),
        SomaRow::new(1).with("Dato", "16.06.2023").with("Registreringsnr", "0001"),
        SomaRow::new(2),
        SomaRow::new(1).with("Enhet", "04"),
    ]);
    let record = cells(table(&file, "contact"), "record");
    assert_eq!(record[0], record[1]);
    assert_eq!(std::collections::BTreeSet::from_iter(&record).len(), 3);
}

#[test]
fn a_kontakt_workbook_links_with_soma() {
    let bench = Bench::new();
    let row = |id: f64, number: X<'static>, day: X<'static>| {
        let mut row = [X::Nothing; 20];
        let filled = [
            (0, X::Number(id)),
            (1, X::Number(991.0)),
            (2, number),
            (3, X::Text("Nordmann, Kari")),
            (4, X::Day(2007, 1, 1)),
            (5, X::Text("Kvinne")),
            (6, X::Text("Annen kommune")),
            (7, X::Number(301.0)),
            (8, X::Number(30109.0)),
            (9, day),
            (10, X::Text("Bydel Bjerke")),
            (11, X::Text("Kontakt")),
            (12, X::Text("N")),
            (13, X::Text("i bydelen")),
            (14, X::Text("Natt")),
            (15, X::Number(45.0)),
        ];
        for (at, cell) in filled {
            row[at] = cell;
        }
        row
    };
    let workbook = kontakt(&[
        row(1.0, X::Number(1_810_750_126.0), X::Day(2023, 6, 15)),
        row(2.0, X::Text(NUMBER), X::Text("15.06.2023")),
        row(3.0, X::Nothing, X::Number(45092.0)),
        row(4.0, X::Text("01810750127"), X::Day(2023, 6, 15)),
        row(5.0, X::Nothing, X::Text("i går")),
    ]);
    let file = bench.read("kontakt", "kontakt.xlsx", &workbook).unwrap();
    assert_eq!(faults(&file), [(6, "Fnr", "bad_check_digit"), (7, "Dato", "bad_date")]);
    let batch = table(&file, "contact");
    let soma = bench.soma(&[SomaRow::new(1), SomaRow::new(2).with("Fødselsnummer", "")]);
    let soma = cells(table(&soma, "contact"), "person");
    assert_eq!(cells(batch, "person"), [soma[0].clone(), soma[0].clone(), soma[1].clone()]);
    for (column, value) in [
        ("date", "19523"),
        ("home_district", "030109"),
        ("home_municipality", "0301"),
        ("service", "030109"),
        ("shift", "night"),
        ("area", "district"),
        ("first_time", "no"),
        ("minutes", "45"),
        ("belonging", "other"),
        ("age_band", "16-17"),
    ] {
        assert_eq!(cells(batch, column), [value; 3], "{column}");
    }
}

#[test]
fn bed_stays_agency_lists_and_patrols_are_read() {
    let bench = Bench::new();
    let beds = "\u{feff}Oppholdsnr;Fødselsnummer;Fornavn;Etternavn;Fødselsdato;Kjønn;Tilhørighet;Hjemkommune;Bydel;Enhet;Innskrevet;Døgn;Datasett\r\n\
        1;01810750126;Kari;Nordmann;01.01.2007;Kvinne;Oslo;Oslo;;Ila akuttavdeling og korttidsavdeling;01.02.2024;14;SYNTETISK\r\n";
    let beds = bench.read("beds", "beds.csv", beds.as_bytes()).unwrap();
    let stay = table(&beds, "bed_stay");
    assert_eq!((cells(stay, "unit"), cells(stay, "nights")), (vec!["ila".into()], vec!["14".into()]));

    let agency = "sak_id,fnr,fornavn,etternavn,fodselsdato,kjonn,tilhorighet,kommune,bydel,dato,etat,datasett\n\
        9,,Kari,Nordmann,2007-01-01,Kvinne,Oslo,Oslo,Gamle Oslo,2024-03-01,politi,SYNTETISK\n\
        9,01810750126,,,,Kvinne,Oslo,Oslo,Gamle Oslo,2024-03-01,barnevern,SYNTETISK\n";
    let agency = bench.read("agency", "agency.csv", agency.as_bytes()).unwrap();
    let contact = table(&agency, "agency_contact");
    assert_eq!(cells(contact, "agency"), ["police", "child_welfare"]);
    assert_eq!(cells(contact, "person")[1], cells(stay, "person")[0]);
    assert_ne!(cells(contact, "record")[0], cells(contact, "record")[1]);

    let patrol = "Patruljenr;Dato;Tjeneste;Område;Vakt;Antall ansatte;Felles med bydel;Datasett\r\n\
        1;01.02.2024;Uteseksjonen;Storgata/Brugata;Kveld;2;Nei;SYNTETISK\r\n";
    let patrol = bench.read("patrol", "patrol.csv", &windows_1252(patrol)).unwrap();
    let held = table(&patrol, "patrol");
    assert_eq!((cells(held, "staff"), cells(held, "joint")), (vec!["2".into()], vec!["no".into()]));
    assert!(held.column_by_name("person").is_none());
}

#[test]
fn order_encoding_delimiter_and_title_rows_do_not_matter() {
    let bench = Bench::new();
    let text = soma_text(&[SomaRow::new(1), SomaRow::new(2).with("Fødselsnummer", "")]);
    let expected = bench.soma(&[SomaRow::new(1), SomaRow::new(2).with("Fødselsnummer", "")]);
    let reversed: String =
        text.lines().map(|l| format!("{}\n", l.split(';').rev().collect::<Vec<_>>().join(";"))).collect();
    let titled = format!("Rapport fra fagsystem;\r\n\r\n{text}");
    let tabs = text.replace(';', "\t");
    let utf_16: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let shouted =
        text.replacen("Fødselsnummer", "FØDSELSNUMMER ", 1).replacen("Varighet (min)", "varighet", 1);
    let variants: [(&str, Vec<u8>); 6] = [
        ("UTF-8", text.clone().into_bytes()),
        ("reversed", windows_1252(&reversed)),
        ("titled", windows_1252(&titled)),
        ("tabs", tabs.into_bytes()),
        ("UTF-16", utf_16),
        ("headers", shouted.into_bytes()),
    ];
    for (what, bytes) in variants {
        let file = bench.read("soma", "x.csv", &bytes).unwrap();
        assert_eq!(faults(&file), [], "{what}");
        assert_eq!(table(&file, "contact"), table(&expected, "contact"), "{what}");
    }
}
