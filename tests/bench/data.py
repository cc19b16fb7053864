"""SYNTHETIC persons of one calendar year, and the true answers about them. No real person is in it."""

import csv
import math
import random
from collections import Counter
from pathlib import Path

YEAR = 2024
PERSONS = 6_000
SEED = 20_240_101
MAX_ROWS = 500

# The services as the exports spell them and as the policy codes them: 15 districts and the city-centre service.
SERVICES = {
    "030101": "Gamle Oslo", "030102": "Grünerløkka", "030103": "Sagene", "030104": "St. Hanshaugen",
    "030105": "Frogner", "030106": "Ullern", "030107": "Vestre Aker", "030108": "Nordre Aker",
    "030109": "Bjerke", "030110": "Grorud", "030111": "Stovner", "030112": "Alna", "030113": "Østensjø",
    "030114": "Nordstrand", "030115": "Søndre Nordstrand", "uteseksjonen": "Uteseksjonen",
}  # fmt: skip
# Age band: how likely, and the ages at the end of the year (None: no birth date).
AGES = {
    "0-12": (0.01, (11, 12)), "13-15": (0.17, (13, 15)), "16-17": (0.25, (16, 17)), "18-22": (0.30, (18, 22)),
    "23-24": (0.09, (23, 24)), "25+": (0.08, (25, 40)), "unknown": (0.10, None),
}  # fmt: skip
GENDERS = {"male": (0.62, "Mann"), "female": (0.33, "Kvinne"), "unknown": (0.05, "Ukjent")}
BELONGINGS = {"oslo": (0.70, "Oslo"), "other": (0.18, "Annen kommune"), "unknown": (0.12, "Ukjent")}

# What a question counts, by the cells of closed lists: every cell has an answer, also the empty ones.
QUESTIONS = {
    "persons by district": "distinct persons per district",
    "persons by age, gender, belonging": "distinct persons per age × gender × belonging",
    "contacts by district": "contacts per district",
    "minutes by district": "minutes per district",
    "persons by month, district": "distinct persons per month × district",
}

Cell = tuple[str, ...]
Answer = dict[Cell, float]


def cells(question: str) -> list[Cell]:
    if question == "persons by age, gender, belonging":
        return [(age, gender, home) for age in AGES for gender in GENDERS for home in BELONGINGS]
    if question == "persons by month, district":
        return [(str(month), service) for month in range(1, 13) for service in SERVICES]
    return [(service,) for service in SERVICES]


def _pick(rng: random.Random, weighted: dict) -> str:
    return rng.choices(list(weighted), [weight for weight, _ in weighted.values()])[0]


def _heavy(rng: random.Random, tail: float, most: int, scale: float) -> int:
    """1 to `most`; more than n with a chance that falls as n^-tail."""
    while True:
        value = int(scale * (1 - rng.random()) ** (-1 / tail))
        if 1 <= value <= most:
            return value


def make(folder: Path) -> dict[str, int]:
    """Writes `persons.csv` and `contacts.csv` for the peers, and an export as a source would send it for Skjerm."""
    rng = random.Random(SEED)
    persons, contacts = [], []
    busy = {service: 1 / (rank + 3) for rank, service in enumerate(SERVICES)}
    for number in range(PERSONS):
        person = f"S{number:05}"
        age = _pick(rng, AGES)
        span = AGES[age][1]
        born = ""
        if span:
            born = f"{rng.randint(1, 28):02}.{rng.randint(1, 12):02}.{YEAR - rng.randint(*span)}"
        persons.append((person, age, _pick(rng, GENDERS), _pick(rng, BELONGINGS), born))
        districts: list[str] = []
        wanted = _heavy(rng, 1.65, 16, scale=1.7)
        while len(districts) < wanted:
            service = rng.choices(list(busy), list(busy.values()))[0]
            if service not in districts:
                districts.append(service)
        # A contact in each district; who is in many has more of the others, too, most of them in the first districts.
        rows = MAX_ROWS + 1
        while rows > MAX_ROWS:
            rows = int(wanted * (1 + 2 * ((1 - rng.random()) ** (-1 / 1.75) - 1)))
        falling = [1 / math.sqrt(rank + 1) for rank in range(wanted)]
        visits = districts + rng.choices(districts, falling, k=rows - wanted)
        for service in visits:
            month, minutes = rng.randint(1, 12), min(240, max(5, round(rng.lognormvariate(4.6, 0.7))))
            contacts.append((person, month, service, minutes))
    rng.shuffle(contacts)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "persons.csv", ["person", "age_band", "gender", "belonging"], [p[:4] for p in persons])
    _write(folder / "contacts.csv", ["person", "month", "district", "minutes"], contacts)
    _export(folder / f"soma_{YEAR}.csv", {p[0]: p for p in persons}, contacts, rng)
    rows_of, districts_of = Counter(c[0] for c in contacts), Counter(p for p, _ in {(c[0], c[2]) for c in contacts})
    return {
        "persons": len(persons),
        "rows": len(contacts),
        "most rows of a person": max(rows_of.values()),
        "most districts of a person": max(districts_of.values()),
    }


def _write(path: Path, header: list[str], rows: list) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _export(path: Path, persons: dict, contacts: list, rng: random.Random) -> None:
    """As SOMA would: `;`, a byte-order mark, Norwegian words. Persons are known by the source's client number."""
    header = (
        "Registreringsnr;Klientnr;Fødselsnummer;Fødselsdato;Kjønn;Tilhørighet;Dato;Enhet;Registreringstype;"
        "Varighet (min);Datasett"
    )
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        file.write(header + "\r\n")
        for number, (person, month, service, minutes) in enumerate(contacts, 1):
            _, _, gender, belonging, born = persons[person]
            file.write(
                f"{YEAR}-{number:06};{person};;{born};{GENDERS[gender][1]};{BELONGINGS[belonging][1]};"
                f"{rng.randint(1, 28):02}.{month:02}.{YEAR};{SERVICES[service]};Kontakt;{minutes};SYNTHETIC\r\n"
            )


def truth(folder: Path) -> dict[str, Answer]:
    """The answers without any bound and without noise."""
    with (folder / "persons.csv").open(encoding="utf-8") as file:
        persons = list(csv.DictReader(file))
    with (folder / "contacts.csv").open(encoding="utf-8") as file:
        contacts = list(csv.DictReader(file))
    minutes: Counter = Counter()
    for row in contacts:
        minutes[(row["district"],)] += int(row["minutes"])
    counts = {
        "persons by district": Counter((d,) for _, d in {(c["person"], c["district"]) for c in contacts}),
        "persons by age, gender, belonging": Counter((p["age_band"], p["gender"], p["belonging"]) for p in persons),
        "contacts by district": Counter((c["district"],) for c in contacts),
        "minutes by district": minutes,
        "persons by month, district": Counter(
            key[1:] for key in {(c["person"], c["month"], c["district"]) for c in contacts}
        ),
    }
    return {question: {cell: float(counts[question][cell]) for cell in cells(question)} for question in QUESTIONS}
