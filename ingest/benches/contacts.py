"""What benches/contacts.rs compares with: the same work in DuckDB. All data SYNTHETIC."""
import os
import resource
import sys
import time

import duckdb

export, target = sys.argv[1:]
codes = {
    "gender": ("Kjønn", {"Gutt": "male", "Jente": "female"}),
    "belonging": ("Tilhørighet", {"Oslo": "oslo"}),
    "home_municipality": ("Hjemkommune", {"Oslo": "0301"}),
    "home_district": ("Bydel", {"Gamle Oslo": "030101", "Grünerløkka": "030102", "Bydel Alna": "030112",
                                "St.Hanshaugen": "030104", "Søndre Nordstrand": "030115", "Østensjø": "030113"}),
    "service": ("Enhet", {"Uteseksjonen": "uteseksjonen"}),
    "area": ("Sted", {"Oslo S": "oslo_s", "Storgata": "storgata_brugata", "Vaterland": "vaterland_gronland", "Urtegata": "urtegata"}),
    "shift": ("Vakt", {"Dag": "day", "Kveld": "evening", "Natt": "night"}),
    "first_time": ("Førstegang", {"Ja": "yes", "Nei": "no"}),
}


def recoded(column, words):
    return f"""CASE trim("{column}") {' '.join(f"WHEN '{w}' THEN '{c}'" for w, c in words.items())} ELSE 'unknown' END"""


def hashed(*parts):
    return f"unhex(substr(sha256('0123456789abcdef0123456789abcdef' || {' || chr(31) || '.join(parts)}), 1, 32))"


who = f"""CASE WHEN trim("Fødselsnummer") <> '' THEN {hashed("'number'", 'lpad(trim("Fødselsnummer"), 11, chr(48))')}
  ELSE {hashed("'name'", 'lower(trim("Fornavn"))', 'lower(trim("Etternavn"))', '"Fødselsdato"')} END"""
age = """year(day) - year(born)"""
query = f"""
COPY (
  SELECT {who} AS person, {hashed("'soma'", "'contact'", '"Registreringsnr"', '"Enhet"')} AS record,
    year(day) AS year, month(day) AS month, day AS date,
    CASE WHEN {age} <= 12 THEN '0-12' WHEN {age} <= 15 THEN '13-15' WHEN {age} <= 17 THEN '16-17' WHEN {age} <= 22 THEN '18-22'
      WHEN {age} <= 24 THEN '23-24' ELSE '25+' END AS age_band,
    CASE WHEN trim("Fødselsnummer") <> '' THEN 'national_id' ELSE 'name_birth' END AS link_level,
    {', '.join(f'{recoded(c, w)} AS {name}' for name, (c, w) in codes.items())},
    CAST("Varighet (min)" AS BIGINT) AS minutes
  FROM (SELECT *, CAST(strptime("Dato", '%d.%m.%Y') AS DATE) AS day, CAST(strptime("Fødselsdato", '%d.%m.%Y') AS DATE) AS born
        FROM read_csv('{export}', delim=';', header=true, all_varchar=true, encoding='latin-1'))
  WHERE "Registreringstype" = 'Kontakt'
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"""

connection = duckdb.connect()
connection.execute("SET preserve_insertion_order = true")
before = resource.getrusage(resource.RUSAGE_SELF)
started = time.perf_counter()
rows = connection.execute(query).fetchone()[0]
seconds = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
worked = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
print(f"  DuckDB {duckdb.__version__}: {seconds:.2f} s, {worked:.2f} s of the processors, {rows / seconds:.0f} rows a second, peak {usage.ru_maxrss // 1000} MB, "
      f"{os.path.getsize(target) // 1_000_000} MB of Parquet", flush=True)
