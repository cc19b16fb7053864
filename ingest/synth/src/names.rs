//! Names of people who do not exist: common first and last names of Oslo, drawn independently of each other.
//!
//! All have five letters or more and none is part of a word in the policy, so that a leak test that searches for them
//! finds no accidents (checked by a test).

/// First names, women.
pub(crate) const WOMEN: [&str; 96] = [
    "Emilie", "Amalie", "Ingrid", "Sofie", "Frida", "Maria", "Julie", "Thea Marie", "Hedda", "Vilde", "Oline",
    "Mathilde", "Selma", "Astrid", "Johanne", "Aurora", "Victoria", "Malin", "Andrea", "Karoline", "Camilla",
    "Silje", "Marte", "Hanne", "Kristine", "Marianne", "Caroline", "Helene", "Cecilie", "Monica", "Elise",
    "Martine", "Rebekka", "Tuva Lill", "Signe", "Ragnhild", "Synnøve", "Solveig", "Guro Marie", "Marit", "Turid",
    "Bodil", "Wenche", "Unni Karin", "Tonje", "Linnea", "Jenny", "Alma Sofie", "Eline", "Mille Mari", "Fatima",
    "Amina", "Aisha", "Zainab", "Khadija", "Mariam", "Hodan", "Ayaan", "Hafsa", "Sumaya", "Nasra", "Ikram", "Layla",
    "Samira", "Yasmin", "Zahra", "Parisa", "Shirin", "Rojin", "Berivan", "Dilan", "Elif Nur", "Aylin", "Zeynep",
    "Iman Noor", "Hiba Noor", "Maryam", "Sadia", "Ayesha", "Rabia", "Thuy Linh", "Huong", "Nirosha", "Priya",
    "Selam", "Winta", "Rahel", "Hiwot", "Danuta", "Agnieszka", "Katarzyna", "Oksana", "Milena", "Jelena", "Arbnora",
    "Besarta",
];

/// First names, men.
pub(crate) const MEN: [&str; 96] = [
    "Jakob", "Filip", "Oskar", "Lucas", "Henrik", "Magnus", "Tobias", "Kasper", "Mathias", "Jonas", "Andreas",
    "Kristian", "Sander", "Fredrik", "Martin", "Sebastian", "Adrian", "Marius", "Håkon", "Sondre", "Vegard",
    "Eirik", "Øyvind", "Sindre", "Torbjørn", "Espen", "Stian", "Morten", "Thomas", "Anders", "Trond", "Terje",
    "Geir Arne", "Kjetil", "Rune Andre", "Frode", "Asbjørn", "Halvor", "Birger", "Sverre", "Gunnar", "Rolf Erik",
    "Ludvig", "Theodor", "Benjamin", "Daniel", "Johannes", "Simen", "Preben", "Jørgen", "Mohammed", "Ahmed",
    "Abdullahi", "Ibrahim", "Yusuf", "Abdirahman", "Mahad", "Liban", "Zakaria", "Bilal", "Hamza", "Ismail",
    "Khalid", "Omar Said", "Hassan", "Hussein", "Mustafa", "Karim", "Rachid", "Youssef", "Mehmet", "Emrah", "Serkan",
    "Baran", "Azad Karwan", "Hawre", "Navid", "Farhad", "Behzad", "Reza Amir", "Usman", "Faisal", "Kamran", "Zeeshan",
    "Adeel", "Tuan Minh", "Thanh", "Kumar", "Suresh", "Tesfay", "Yonas", "Filmon", "Piotr", "Tomasz", "Krzysztof",
    "Arben",
];

/// Last names.
pub(crate) const LAST: [&str; 128] = [
    "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen", "Kristiansen", "Jensen", "Karlsen",
    "Johnsen", "Pettersen", "Eriksen", "Jacobsen", "Halvorsen", "Haugen", "Hagen", "Johannessen", "Andreassen",
    "Jørgensen", "Henriksen", "Sørensen", "Lunde", "Solberg", "Moen Lie", "Iversen", "Strøm", "Svendsen", "Eide",
    "Mathisen", "Martinsen", "Knutsen", "Gundersen", "Lien Hauge", "Kristoffersen", "Fredriksen", "Rasmussen",
    "Bakke Moe", "Nygård", "Holmen", "Arnesen", "Ellingsen", "Simonsen", "Danielsen", "Antonsen", "Birkeland",
    "Myhre", "Aasen", "Tangen", "Sæther", "Berntsen", "Gulbrandsen", "Thorsen", "Bråthen", "Hovland", "Paulsen",
    "Isaksen", "Tveit", "Aune", "Ødegård", "Myklebust", "Engebretsen", "Torgersen", "Wilhelmsen", "Abdullah",
    "Mohamud", "Warsame", "Farah", "Jama Nur", "Hersi", "Abdi Yusuf", "Osman", "Hashi", "Dahir", "Mahmood", "Hussain",
    "Malik", "Akhtar", "Butt Khan", "Chaudhry", "Iqbal", "Mirza", "Qureshi", "Sheikh", "Rehman", "Nguyen", "Tran Vo",
    "Pham Le", "Hoang", "Sivakumar", "Rajaratnam", "Yilmaz", "Demir", "Kaya Polat", "Arslan", "Özdemir", "Karimi",
    "Rahimi", "Hosseini", "Ahmadi", "Moradi", "Sharifi", "Haidari", "Hamid", "Saeed", "Barzani", "Zangana",
    "El Amrani", "Benali", "Bouzid", "Haddad", "Mansour", "Tekle", "Gebremedhin", "Haile", "Tesfamariam", "Kidane",
    "Kowalski", "Nowak", "Wisniewski", "Wójcik", "Kaminski", "Lewandowski", "Krasniqi", "Berisha", "Gashi",
    "Jovanovic", "Petrov",
];

/// What some are called on the street.
pub(crate) const NICKNAMES: [&str; 48] = [
    "Krølltopp", "Snabben", "Lillebrura", "Smilefjeset", "Gatepusen", "Rødluva", "Blåjakka", "Tøffinga", "Sparkyboy",
    "Skyggen", "Pusekatten", "Luringen", "Kråka", "Bamsefar", "Spretten", "Gullfisken", "Tykje", "Hettegenser",
    "Nissefar", "Snoopie", "Maestro", "Professorn", "Kapteinen", "Bokser'n", "Trikkefant", "Kjappfot", "Lynvingen",
    "Fjompen", "Sukkerbit", "Bestemann", "Kongla", "Røverdatter", "Tigergutt", "Piraten", "Sjefen", "Dansken",
    "Bergenser'n", "Nordpolen", "Elgkalven", "Revungen", "Gullhår", "Svartepetter", "Lillegull", "Storebror",
    "Tåkefyrsten", "Måneprinsen", "Rakettmann", "Tordivelen",
];

/// What staff write in the notes; `{1}` and `{2}` are names of other people who do not exist either.
pub(crate) const NOTES: [&str; 14] = [
    "Snakket med {1} {2} (mor) om skole og fritid.",
    "Var sammen med {1} og {2} ved ankomst.",
    "{1} {2} ringte og var bekymret.",
    "Ønsker hjelp til jobb; avtalt nytt møte med {1}.",
    "Kjæresten {1} {2} var til stede.",
    "Avtale på kontoret. Tar med {1} neste gang.",
    "Sa at \"{1}\" har skaffet stoffet.",
    "Bor for tiden hos {1} {2}.",
    "Kontaktlærer {1} {2} er informert.",
    "Saksbehandler {1} {2} i NAV følger opp.",
    "Rolig samtale, ga mat og varme klær. Kjenner {1}.",
    "Fulgt til legevakt sammen med {1} {2}.",
    "Vil slutte med cannabis; far heter {1} {2}.",
    "Ble vist bort av vekter. Vitne: {1} {2}.",
];
