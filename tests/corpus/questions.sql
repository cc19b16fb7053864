-- name: persons_met_2023
-- kind: total
-- asks: How many different young people did the outreach services meet in 2023?
select count(distinct person) as persons
from contact
where year = 2023

-- name: persons_met_by_uteseksjonen_2024
-- kind: total
-- asks: How many different persons did Uteseksjonen meet in 2024, the yearly key figure?
select count(distinct person) as persons
from contact
where year = 2024 and service = 'uteseksjonen'

-- name: first_time_persons_uteseksjonen_2024
-- kind: total
-- asks: How many persons were registered by Uteseksjonen for the first time in 2024?
select count(*) as persons
from person_year
where year = 2024 and ute_first_contact = 'yes'

-- name: first_time_minors_2023
-- kind: total
-- asks: How many of those newly registered by Uteseksjonen in 2023 were under 18?
select count(*) as minors
from person_year
where year = 2023
  and ute_first_contact = 'yes'
  and age_band in ('0-12', '13-15', '16-17')

-- name: persons_followed_up_under_25
-- kind: total
-- asks: How many persons under 25 got follow-up from Uteseksjonen in 2023?
select count(distinct person) as persons
from follow_up
where year = 2023 and service = 'uteseksjonen'
  and age_band <> '25+' and age_band <> 'unknown'

-- name: minors_with_concern_report_2023
-- kind: total
-- asks: About how many minors did Uteseksjonen send a concern report to child welfare in 2023?
select count(distinct person) as minors
from concern_report
where year = 2023 and service = 'uteseksjonen' and age_band in ('0-12', '13-15', '16-17')

-- name: missing_reports_received_2024
-- kind: total
-- asks: How many reports of a missing person were received in 2024, counting each report?
select count(*) as reports
from missing_report
where year = 2024

-- name: journeys_home_2023
-- kind: total
-- asks: How many persons were followed home to their municipality in 2023?
select count(distinct person) as persons
from journey_home
where year = 2023

-- name: admissions_to_beds_18_24
-- kind: total
-- asks: How many admissions of persons aged 18 to 24 did the bed units have in 2024?
select count(*) as admissions
from bed_stay
where year = 2024 and age_band in ('18-22', '23-24')

-- name: treatment_referrals_2024
-- kind: total
-- asks: How many persons were referred to specialised treatment in 2024?
select count(distinct person) as persons
from referral
where year = 2024 and referred_to = 'specialised_treatment'

-- name: employment_offer_2023
-- kind: total
-- asks: How many persons had an employment measure in 2023?
select count(distinct person) as persons
from measure
where year = 2023 and measure_kind = 'employment'

-- name: police_contacts_gamle_oslo_youth
-- kind: total
-- asks: How many contacts did the police have in 2024 with 13 to 22 year olds living in Gamle Oslo?
select count(*) as contacts
from agency_contact
where year = 2024 and agency = 'police'
  and home_district = '030101'
  and age_band in ('13-15', '16-17', '18-22')

-- name: person_years_in_the_register
-- kind: total
-- asks: How many person-years do 2023 and 2024 hold together?
select count(*) as person_years
from person_year
where year in (2023, 2024)

-- name: outsiders_met_in_the_centre
-- kind: total
-- asks: How many persons belonging to another municipality were met at Oslo S in 2024?
SELECT COUNT(DISTINCT person) AS persons
FROM contact
WHERE year = 2024 AND area = 'oslo_s' AND belonging = 'other'

-- name: contacts_by_service_2024
-- kind: by_code
-- asks: How are the contacts of 2024 spread over the services?
select service, count(*) as contacts
from contact
where year = 2024
group by service
order by service

-- name: persons_by_age_2024
-- kind: by_code
-- asks: How old are the persons reached in 2024?
select age_band, count(*) as persons
from person_year
where year = 2024
group by age_band
order by age_band

-- name: follow_up_by_belonging_2023
-- kind: by_code
-- asks: Where do the persons belong whom Uteseksjonen followed up in 2023?
select belonging, count(distinct person) as persons
from follow_up
where year = 2023 and service = 'uteseksjonen'
group by belonging

-- name: concern_reports_by_gender_and_belonging
-- kind: by_code
-- asks: How are concern reports of 2023 spread over gender and belonging?
select gender, belonging, count(distinct person) as persons
from concern_report
where year = 2023
group by gender, belonging

-- name: missing_by_belonging
-- kind: by_code
-- asks: How many persons reported missing in 2023 belong to Oslo, elsewhere, or are unknown?
select belonging, count(distinct person) as persons
from missing_report
where year = 2023
group by belonging

-- name: journeys_home_by_gender
-- kind: by_code
-- asks: How many men and women were followed home in 2023?
select gender, count(distinct person) as persons
from journey_home
where year = 2023
group by gender

-- name: admissions_by_unit_2024
-- kind: by_code
-- asks: How many admissions had each bed unit in 2024?
select unit, count(*) as admissions
from bed_stay
where year = 2024
group by unit
order by admissions desc

-- name: bed_persons_by_unit_and_gender
-- kind: by_code
-- asks: How many men and women under 25 stayed at each bed unit in 2023?
select unit, gender, count(distinct person) as persons
from bed_stay
where year = 2023 and age_band in ('16-17', '18-22', '23-24')
group by unit, gender

-- name: referrals_by_receiver
-- kind: by_code
-- asks: To whom were persons referred in 2024?
select referred_to, count(*) as referrals
from referral
where year = 2024
group by referred_to

-- name: referrals_by_service_and_receiver
-- kind: by_code
-- asks: Which services refer to whom in 2023?
select service, referred_to, count(*) as referrals
from referral
where year = 2023
group by service, referred_to

-- name: measures_by_kind_and_gender
-- kind: by_code
-- asks: How many men and women took part in each kind of measure in 2024?
select measure_kind, gender, count(distinct person) as persons
from measure
where year = 2024
group by measure_kind, gender

-- name: agency_persons_by_agency_and_age
-- kind: by_code
-- asks: How many persons of each age was each agency in contact with in 2024?
select agency, age_band, count(distinct person) as persons
from agency_contact
where year = 2024
group by agency, age_band

-- name: contacts_by_area_and_shift
-- kind: by_code
-- asks: Where and at what time of day were contacts made in 2024?
select area, shift, count(*) as contacts
from contact
where year = 2024
group by area, shift

-- name: young_by_home_district_and_age
-- kind: by_code
-- asks: How many persons of each home district and age band were reached in 2024?
select home_district, age_band, count(*) as persons
from person_year
where year = 2024
group by home_district, age_band

-- name: linkage_quality_by_service
-- kind: by_code
-- asks: On what kind of identity are the persons of each service linked in 2024?
select primary_service, link_level, count(*) as persons
from person_year
where year = 2024
group by primary_service, link_level

-- name: contacts_by_month_2024
-- kind: by_time
-- asks: How many contacts were made in each month of 2024?
select month, count(*) as contacts
from contact
where year = 2024
group by month
order by month

-- name: monthly_follow_up_persons
-- kind: by_time
-- asks: How many different persons aged 18 to 24 were followed up by Uteseksjonen in each month of 2023?
select month, count(distinct person) as persons
from follow_up
where year = 2023 and service = 'uteseksjonen' and age_band in ('18-22', '23-24')
group by month
order by month

-- name: persons_by_year_and_gender
-- kind: by_time
-- asks: How did the number of persons of each gender change from 2023 to 2024?
select year, gender, count(*) as persons
from person_year
where year in (2023, 2024)
group by year, gender
order by year, gender

-- name: contacts_by_year_month_gender
-- kind: by_time
-- asks: What are the monthly contacts of each gender over two years?
select year, month, gender, count(*) as contacts
from contact
where year between 2023 and 2024
group by year, month, gender

-- name: missing_reports_by_month
-- kind: by_time
-- asks: In which months are minors reported missing?
select year, month, count(*) as reports
from missing_report
where year in (2023, 2024) and age_band in ('0-12', '13-15', '16-17')
group by year, month
order by year, month

-- name: concern_reports_by_year
-- kind: by_time
-- asks: About how many persons were concern reports sent in each year?
select year, count(distinct person) as persons
from concern_report
where year in (2023, 2024)
group by year
order by year

-- name: journeys_home_by_month
-- kind: by_time
-- asks: In which months of 2023 and 2024 were persons followed home?
select year, month, count(*) as journeys
from journey_home
where year >= 2023 and year <= 2024
group by year, month

-- name: admissions_by_month_2023
-- kind: by_time
-- asks: How many admissions to beds of young adults were there each month of 2023?
select month, count(*) as admissions
from bed_stay
where year = 2023 and age_band in ('18-22', '23-24')
group by month

-- name: referrals_by_year_and_receiver
-- kind: by_time
-- asks: Did referrals to each receiver change from 2023 to 2024?
select year, referred_to, count(*) as referrals
from referral
where year in (2023, 2024)
group by year, referred_to
order by referred_to, year

-- name: employment_by_month
-- kind: by_time
-- asks: How many persons were in an employment measure in each month of 2024?
select month, count(distinct person) as persons
from measure
where year = 2024 and measure_kind = 'employment'
group by month

-- name: school_contacts_by_month
-- kind: by_time
-- asks: How do contacts with schools vary over the months of 2023?
select month, count(*) as contacts
from agency_contact
where year = 2023 and agency = 'school'
group by month
order by month

-- name: contacts_by_quarter
-- kind: by_time
-- asks: How many contacts were made in each quarter of 2023 and 2024?
select year, extract(quarter from date) as quarter, count(*) as contacts
from contact
where year in (2023, 2024)
group by year, extract(quarter from date)

-- name: contacts_by_week_2024
-- kind: by_time
-- asks: How many contacts did Uteseksjonen make in each ISO week of 2024?
select date_part('week', date) as week, count(*) as contacts
from contact
where year = 2024 and service = 'uteseksjonen'
group by date_part('week', date)

-- name: first_contacts_by_month_of_year
-- kind: by_time
-- asks: In which month of 2024 were persons met for the first time?
select cast(date_trunc('month', date) as date) as month_start, count(*) as first_contacts
from contact
where year = 2024 and first_time = 'yes'
group by cast(date_trunc('month', date) as date)

-- name: follow_up_minutes_by_month
-- kind: by_time
-- asks: How many minutes of follow-up were given each month of 2024?
select month, sum(minutes) as minutes
from follow_up
where year = 2024
group by month
order by month

-- name: key_contact_figures_2024
-- kind: several
-- asks: How many contacts, with how many persons, and how many minutes had each service in 2024?
select service, count(*) as contacts, count(distinct person) as persons, sum(minutes) as minutes
from contact
where year = 2024
group by service

-- name: bed_key_figures_2024
-- kind: several
-- asks: How many persons, admissions and nights of 18 to 24 year olds had the bed units in 2024?
select count(distinct person) as persons, count(*) as admissions, sum(nights) as nights
from bed_stay
where year = 2024 and age_band in ('18-22', '23-24')

-- name: follow_up_key_figures_by_gender
-- kind: several
-- asks: How many follow-ups, persons and minutes fell on each gender in 2023?
select gender, count(*) as follow_ups, count(distinct person) as persons, sum(minutes) as minutes
from follow_up
where year = 2023
group by gender

-- name: recorded_minutes_by_service
-- kind: several
-- asks: How many contacts of each service have their duration written down?
select service, count(*) as contacts, count(minutes) as with_minutes
from contact
where year = 2024
group by service

-- name: missing_reports_and_persons
-- kind: several
-- asks: How many missing reports were there about how many persons in each year?
select year, count(*) as reports, count(distinct person) as persons
from missing_report
where year in (2023, 2024)
group by year

-- name: measures_and_persons_by_kind
-- kind: several
-- asks: How many times was each measure given, and to how many persons, in 2023?
select measure_kind, count(*) as times, count(distinct person) as persons
from measure
where year = 2023
group by measure_kind

-- name: agency_figures
-- kind: several
-- asks: How many contacts with how many persons had each agency in 2023?
select agency, count(*) as contacts, count(distinct person) as persons
from agency_contact
where year = 2023
group by agency

-- name: nights_and_mean_by_unit
-- kind: several
-- asks: How many nights in all, and on average an admission, had each unit in 2024?
select unit, sum(nights) as nights, avg(nights) as mean_nights, count(nights) as with_nights
from bed_stay
where year = 2024
group by unit

-- name: journeys_and_travellers_by_year
-- kind: several
-- asks: How many journeys home were made by how many persons of each gender and year?
select year, gender, count(*) as journeys, count(distinct person) as travellers
from journey_home
where year in (2023, 2024)
group by year, gender

-- name: referrals_and_persons_by_age
-- kind: several
-- asks: How many referrals were made for how many persons of each age in 2024?
select age_band, count(*) as referrals, count(distinct person) as persons
from referral
where year = 2024
group by age_band

-- name: concern_reports_and_persons_by_service
-- kind: several
-- asks: How many concern reports did each service send, about how many persons, in 2024?
select service, count(*) as reports, count(distinct person) as persons
from concern_report
where year = 2024
group by service

-- name: contact_effort_by_area
-- kind: several
-- asks: How many contacts, persons and minutes, and what mean length, had each area of the centre in 2023?
select area, count(*) as contacts, count(distinct person) as persons,
       sum(minutes) as minutes, avg(minutes) as mean_minutes
from contact
where year = 2023 and service = 'uteseksjonen'
group by area

-- name: young_shares_in_contacts
-- kind: filtered_aggregate
-- asks: How many contacts of each service in 2024 were with under-18s and with under-25s?
select service,
       count(*) filter (where age_band in ('0-12', '13-15', '16-17')) as under_18,
       count(*) filter (where age_band not in ('25+', 'unknown')) as under_25,
       count(*) as contacts
from contact
where year = 2024
group by service

-- name: ute_key_figures_in_one_row
-- kind: filtered_aggregate
-- asks: What are Uteseksjonen's yearly key figures of 2023 in one row?
select count(*) filter (where ute_contact = 'yes') as contact,
       count(*) filter (where ute_first_contact = 'yes') as first_contact,
       count(*) filter (where ute_follow_up = 'yes') as follow_up,
       count(*) filter (where ute_concern_report = 'yes') as concern_report,
       count(*) filter (where ute_missing_report = 'yes') as missing_report,
       count(*) filter (where ute_journey_home = 'yes') as journey_home,
       count(*) filter (where ute_employment = 'yes') as employment
from person_year
where year = 2023

-- name: ute_key_figures_two_years
-- kind: filtered_aggregate
-- asks: How did first contact, follow-up and concern reports of Uteseksjonen change from 2023 to 2024?
select year,
       count(*) filter (where ute_first_contact = 'yes') as first_contact,
       count(*) filter (where ute_follow_up = 'yes') as follow_up,
       count(*) filter (where ute_concern_report = 'yes') as concern_report
from person_year
where year in (2023, 2024)
group by year
order by year

-- name: summer_and_winter_contacts_by_area
-- kind: filtered_aggregate
-- asks: In each area, how many contacts were made in summer and how many in winter of 2024?
select area,
       count(*) filter (where month in (6, 7, 8)) as summer,
       count(*) filter (where month in (12, 1, 2)) as winter
from contact
where year = 2024
group by area

-- name: weekend_and_weekday_contacts
-- kind: filtered_aggregate
-- asks: How many contacts a month fell on weekends and on weekdays in 2024?
select month,
       count(*) filter (where extract(dow from date) in (0, 6)) as weekend,
       count(*) filter (where extract(dow from date) not in (0, 6)) as weekday
from contact
where year = 2024
group by month

-- name: long_and_short_follow_ups
-- kind: filtered_aggregate
-- asks: How many follow-ups of each service took more than an hour in 2023?
select service,
       count(*) filter (where minutes > 60) as long_ones,
       count(*) filter (where minutes <= 60) as short_ones,
       count(*) filter (where minutes is null) as not_recorded
from follow_up
where year = 2023
group by service

-- name: missing_minors_and_adults
-- kind: filtered_aggregate
-- asks: How many minors and how many in all were reported missing in 2024, by belonging?
select belonging,
       count(distinct person) filter (where age_band in ('0-12', '13-15', '16-17')) as minors,
       count(distinct person) as persons
from missing_report
where year = 2024
group by belonging

-- name: concern_girls_and_boys_by_month
-- kind: filtered_aggregate
-- asks: How many concern reports about girls and boys were sent each month of 2024?
select month,
       count(*) filter (where gender = 'female') as girls,
       count(*) filter (where gender = 'male') as boys
from concern_report
where year = 2024
group by month
order by month

-- name: bed_nights_long_and_short
-- kind: filtered_aggregate
-- asks: How many nights of 2023 fell on stays of a week or more, and on shorter ones, at each unit?
select unit,
       sum(nights) filter (where nights >= 7) as nights_of_long_stays,
       sum(nights) filter (where nights < 7) as nights_of_short_stays
from bed_stay
where year = 2023
group by unit

-- name: journeys_home_winter_half
-- kind: filtered_aggregate
-- asks: How many journeys home were in the winter half and the summer half of each year?
select year,
       count(*) filter (where month <= 3 or month >= 10) as winter_half,
       count(*) filter (where month between 4 and 9) as summer_half
from journey_home
where year in (2023, 2024)
group by year

-- name: psychologist_and_cannabis_by_gender
-- kind: filtered_aggregate
-- asks: How many persons of each gender saw the psychologist and joined the cannabis programme in 2024?
select gender,
       count(distinct person) filter (where measure_kind = 'psychologist') as psychologist,
       count(distinct person) filter (where measure_kind = 'cannabis_cessation') as cannabis_cessation
from measure
where year = 2024
group by gender

-- name: agencies_in_columns_by_district
-- kind: filtered_aggregate
-- asks: How many persons of each home district were known to the police, school, child welfare and NAV in 2024?
select home_district,
       count(distinct person) filter (where agency = 'police') as police,
       count(distinct person) filter (where agency = 'school') as school,
       count(distinct person) filter (where agency = 'child_welfare') as child_welfare,
       count(distinct person) filter (where agency = 'nav') as nav
from agency_contact
where year = 2024
group by home_district

-- name: referrals_by_receiver_and_half_year
-- kind: filtered_aggregate
-- asks: How many referrals were made in the first and the second half of 2023, by receiver?
select referred_to,
       count(*) filter (where month <= 6) as first_half,
       count(*) filter (where month > 6) as second_half
from referral
where year = 2023
group by referred_to

-- name: mean_minutes_new_and_known
-- kind: filtered_aggregate
-- asks: Do contacts with new persons take longer than with known ones, in each shift of 2024?
select shift,
       avg(minutes) filter (where first_time = 'yes') as new_persons,
       avg(minutes) filter (where first_time = 'no') as known_persons
from contact
where year = 2024
group by shift

-- name: contacts_by_season
-- kind: expression
-- asks: How many contacts fell in each season of 2023 and 2024?
select year,
       case when month in (12, 1, 2) then 'winter' when month in (3, 4, 5) then 'spring'
            when month in (6, 7, 8) then 'summer' else 'autumn' end as season,
       count(*) as contacts
from contact
where year in (2023, 2024)
group by year,
       case when month in (12, 1, 2) then 'winter' when month in (3, 4, 5) then 'spring'
            when month in (6, 7, 8) then 'summer' else 'autumn' end

-- name: persons_by_broad_age
-- kind: expression
-- asks: How many persons under 18, of 18 to 24, and older were reached in 2024?
select case when age_band in ('0-12', '13-15', '16-17') then 'under 18'
            when age_band in ('18-22', '23-24') then '18-24'
            when age_band = '25+' then '25+' else 'unknown' end as age,
       count(*) as persons
from person_year
where year = 2024
group by 1

-- name: follow_ups_by_length
-- kind: expression
-- asks: How many follow-ups took under half an hour, under an hour, under two hours, and longer in 2024?
select case when minutes < 30 then 'under 30' when minutes < 60 then '30-59'
            when minutes < 120 then '60-119' when minutes >= 120 then '120+'
            else 'not recorded' end as length,
       count(*) as follow_ups
from follow_up
where year = 2024
group by case when minutes < 30 then 'under 30' when minutes < 60 then '30-59'
            when minutes < 120 then '60-119' when minutes >= 120 then '120+'
            else 'not recorded' end

-- name: contacts_by_weekday
-- kind: expression
-- asks: On which days of the week were contacts made in 2024 (0 is Sunday)?
select extract(dow from date) as weekday, count(*) as contacts
from contact
where year = 2024
group by extract(dow from date)
order by extract(dow from date)

-- name: stays_by_length_and_gender
-- kind: expression
-- asks: How many bed stays of men and women lasted a night, a week, a month, or longer in 2023?
select gender,
       case when nights <= 1 then '0-1' when nights <= 7 then '2-7' when nights <= 30 then '8-30'
            when nights > 30 then '31+' else 'not recorded' end as nights_class,
       count(*) as stays
from bed_stay
where year = 2023
group by gender,
       case when nights <= 1 then '0-1' when nights <= 7 then '2-7' when nights <= 30 then '8-30'
            when nights > 30 then '31+' else 'not recorded' end

-- name: contacts_at_evening_or_night_by_centre
-- kind: expression
-- asks: How many evening and night contacts were made in the centre and in the districts in 2024?
select case when area in ('district', 'unknown') then area else 'centre' end as place, count(*) as contacts
from contact
where year = 2024 and (shift = 'evening' or shift = 'night')
group by case when area in ('district', 'unknown') then area else 'centre' end

-- name: missing_in_school_holidays
-- kind: expression
-- asks: How many missing reports about minors came in the summer holiday weeks of 2024, and outside them?
select case when date >= date '2024-06-22' and date <= date '2024-08-18' then 'holiday' else 'term' end as period,
       count(*) as reports
from missing_report
where year = 2024 and age_band in ('13-15', '16-17')
group by case when date >= date '2024-06-22' and date <= date '2024-08-18' then 'holiday' else 'term' end

-- name: concern_reports_outside_home_district
-- kind: expression
-- asks: How many concern reports were sent by another service than that of the child's home district in 2024?
select case when service = home_district then 'own district' when service = 'uteseksjonen' then 'uteseksjonen'
            when home_district = 'unknown' then 'no known district' else 'another district' end as sender,
       count(*) as reports
from concern_report
where year = 2024
group by case when service = home_district then 'own district' when service = 'uteseksjonen' then 'uteseksjonen'
            when home_district = 'unknown' then 'no known district' else 'another district' end

-- name: referrals_to_health_like
-- kind: expression
-- asks: How many referrals of each quarter of 2024 went to a health receiver of any kind?
select date_part('quarter', date) as quarter, count(*) as referrals
from referral
where year = 2024 and (referred_to like '%health%' or referred_to = 'specialised_treatment')
group by date_part('quarter', date)

-- name: inner_and_outer_city_persons
-- kind: expression
-- asks: How many persons from the inner and the outer city were reached in each year?
select year,
       case when home_district in ('030101', '030102', '030103', '030104', '030105') then 'inner'
            when home_district in ('030116', '030117', 'unknown') then 'other' else 'outer' end as part,
       count(*) as persons
from person_year
where year in (2023, 2024)
group by year,
       case when home_district in ('030101', '030102', '030103', '030104', '030105') then 'inner'
            when home_district in ('030116', '030117', 'unknown') then 'other' else 'outer' end

-- name: known_gender_measures
-- kind: expression
-- asks: How many measures were given in 2023 by known gender (unknown put to null)?
select nullif(gender, 'unknown') as known_gender, count(*) as measures
from measure
where year = 2023
group by nullif(gender, 'unknown')

-- name: contacts_with_recorded_time
-- kind: expression
-- asks: Is the duration of contacts written down more often at night in 2024?
select shift, minutes is null as no_time, count(*) as contacts
from contact
where year = 2024
group by shift, minutes is null

-- name: journeys_home_by_third
-- kind: expression
-- asks: How many persons were followed home in January to April, May to August, September to December of 2024?
select case when month <= 4 then 1 when month <= 8 then 2 else 3 end as third, count(distinct person) as persons
from journey_home
where year = 2024
group by case when month <= 4 then 1 when month <= 8 then 2 else 3 end

-- name: agency_contacts_by_school_term
-- kind: expression
-- asks: How many agency contacts of persons in the target group of Gamle Oslo were in the spring and autumn term of 2024?
select agency, case when date_part('month', date) < 8 then 'spring' else 'autumn' end as term, count(*) as contacts
from agency_contact
where year = 2024 and coalesce(nullif(home_district, 'unknown'), 'none') = '030101'
group by agency, case when date_part('month', date) < 8 then 'spring' else 'autumn' end

-- name: contacts_by_month_start
-- kind: expression
-- asks: How many contacts at Vaterland and Grønland were made in each month of the summer half of 2023?
select date_trunc('month', date) as month_start, count(*) as contacts
from contact
where year = 2023 and month between 4 and 9 and area = 'vaterland_gronland'
group by date_trunc('month', date)

-- name: contact_minutes_by_service
-- kind: measure_sum
-- asks: How many minutes of contact did each service give in 2024?
select service, sum(minutes) as minutes
from contact
where year = 2024
group by service

-- name: contact_minutes_total_2023
-- kind: measure_sum
-- asks: How many minutes of contact with under-25s were there in all in 2023?
select sum(minutes) as minutes
from contact
where year = 2023 and age_band not in ('25+', 'unknown')

-- name: nights_by_unit_and_year
-- kind: measure_sum
-- asks: How many nights did young adults stay at each unit in each year?
select year, unit, sum(nights) as nights
from bed_stay
where year in (2023, 2024) and age_band in ('18-22', '23-24')
group by year, unit

-- name: nights_by_belonging_and_gender
-- kind: measure_sum
-- asks: How many nights in 2024 were used by men and women from Oslo and from elsewhere?
select belonging, gender, sum(nights) as nights
from bed_stay
where year = 2024
group by belonging, gender

-- name: follow_up_hours_by_age
-- kind: measure_sum
-- asks: How many hours of follow-up did each age band get in 2024?
select age_band, sum(minutes) / 60.0 as hours
from follow_up
where year = 2024
group by age_band

-- name: follow_up_minutes_no_gap
-- kind: measure_sum
-- asks: How many minutes of follow-up were given by each service in 2023, if one not recorded counts as 30?
select service, sum(coalesce(minutes, 30)) as minutes
from follow_up
where year = 2023
group by service

-- name: contact_minutes_beyond_an_hour
-- kind: measure_sum
-- asks: How many minutes of contact beyond the first hour were there each quarter of 2024?
select date_part('quarter', date) as quarter,
       sum(case when minutes > 60 then minutes - 60 else 0 end) as minutes_beyond
from contact
where year = 2024
group by date_part('quarter', date)

-- name: night_shift_minutes_by_area
-- kind: measure_sum
-- asks: In which areas was the time of night shifts spent in 2024?
select area, sum(minutes) as minutes
from contact
where year = 2024 and shift = 'night'
group by area
order by area

-- name: nights_without_the_first
-- kind: measure_sum
-- asks: How many nights after the first of a stay were there by month in 2024?
select month, sum(case when nights >= 1 then nights - 1 else 0 end) as later_nights
from bed_stay
where year = 2024
group by month

-- name: minutes_per_season_and_gender
-- kind: measure_sum
-- asks: How much follow-up time did women and men get in summer and in the rest of 2023?
select gender, case when month in (6, 7, 8) then 'summer' else 'rest' end as season, sum(minutes) as minutes
from follow_up
where year = 2023
group by gender, case when month in (6, 7, 8) then 'summer' else 'rest' end

-- name: capped_nights_by_age
-- kind: measure_sum
-- asks: How many nights a year would be counted by age if no stay counted more than 30 nights?
select year, age_band, sum(case when nights > 30 then 30 else nights end) as capped_nights
from bed_stay
where year in (2023, 2024)
group by year, age_band

-- name: mean_contact_minutes_by_shift
-- kind: average
-- asks: How long does a contact last in each shift in 2024?
select shift, avg(minutes) as mean_minutes
from contact
where year = 2024
group by shift

-- name: mean_follow_up_minutes_by_service
-- kind: average
-- asks: How long does a follow-up last at each service in 2023?
select service, avg(minutes) as mean_minutes
from follow_up
where year = 2023
group by service

-- name: mean_nights_by_unit
-- kind: average
-- asks: How many nights does an admission last at each unit in 2024?
select unit, avg(nights) as mean_nights
from bed_stay
where year = 2024
group by unit

-- name: mean_nights_two_years
-- kind: average
-- asks: Are stays of young men and women longer in 2024 than in 2023?
select year, gender, round(avg(nights), 2) as mean_nights
from bed_stay
where year in (2023, 2024) and age_band in ('18-22', '23-24')
group by year, gender
order by year, gender

-- name: mean_contact_minutes_total
-- kind: average
-- asks: How long did Uteseksjonen's contacts with minors last on average in 2024?
select avg(minutes) as mean_minutes
from contact
where year = 2024 and service = 'uteseksjonen' and age_band in ('13-15', '16-17')

-- name: mean_follow_up_by_quarter
-- kind: average
-- asks: Does the length of follow-ups change over the quarters of two years?
select year, extract(quarter from date) as quarter, avg(minutes) as mean_minutes
from follow_up
where year in (2023, 2024)
group by year, extract(quarter from date)

-- name: mean_minutes_weekend
-- kind: average
-- asks: Are contacts longer on weekends than on weekdays in 2023?
select case when extract(dow from date) in (0, 6) then 'weekend' else 'weekday' end as day_kind,
       avg(minutes) as mean_minutes
from contact
where year = 2023
group by case when extract(dow from date) in (0, 6) then 'weekend' else 'weekday' end

-- name: mean_nights_capped
-- kind: average
-- asks: How long is a stay by belonging in 2023 if none counts more than 60 nights?
select belonging, avg(case when nights > 60 then 60 else nights end) as mean_capped_nights
from bed_stay
where year = 2023
group by belonging

-- name: mean_minutes_by_age
-- kind: average
-- asks: How long are contacts and how many have a duration, for each age band in 2024?
select age_band, avg(minutes) as mean_minutes, count(minutes) as with_minutes
from contact
where year = 2024
group by age_band

-- name: mean_follow_up_hours
-- kind: average
-- asks: How many hours does a follow-up of an outsider last on average, by gender, in 2024?
select gender, avg(minutes / 60.0) as mean_hours
from follow_up
where year = 2024 and belonging = 'other'
group by gender

-- name: contact_and_follow_up_persons
-- kind: join
-- asks: How many persons met in 2024 were followed up in the same year?
select count(distinct c.person) as persons
from contact c
join follow_up f on c.person = f.person and c.year = f.year
where c.year = 2024

-- name: contacts_of_first_timers_of_the_year
-- kind: join
-- asks: How many contacts had each service in 2024 with persons whom Uteseksjonen registered as new that year?
select c.service, count(*) as contacts
from contact c
join person_year p on c.person = p.person and c.year = p.year
where c.year = 2024 and p.ute_first_contact = 'yes'
group by c.service

-- name: missing_with_concern_report
-- kind: join
-- asks: About how many persons reported missing was a concern report sent in the same year?
select m.year, count(distinct m.person) as persons
from missing_report m
join concern_report r on m.person = r.person and m.year = r.year
where m.year in (2023, 2024)
group by m.year

-- name: referrals_by_primary_service
-- kind: join
-- asks: How many referrals of 2023 were of persons with each primary service?
select primary_service, count(*) as referrals
from referral
join person_year using (person, year)
where referral.year = 2023
group by primary_service

-- name: nights_of_persons_with_follow_up
-- kind: join
-- asks: How many nights did persons stay who were also followed up by Uteseksjonen in 2024, by unit?
select b.unit, sum(b.nights) as nights
from bed_stay b
join person_year p on p.person = b.person and p.year = b.year
where b.year = 2024 and p.ute_follow_up = 'yes'
group by b.unit

-- name: agency_persons_in_measures
-- kind: join
-- asks: How many persons known to each agency took part in each kind of measure in 2024?
select a.agency, m.measure_kind, count(distinct a.person) as persons
from agency_contact a
join measure m on a.person = m.person and a.year = m.year
where a.year = 2024
group by a.agency, m.measure_kind

-- name: journeys_of_bed_users
-- kind: join
-- asks: How many of the persons followed home in 2023 had stayed in a bed unit, by gender?
select j.gender, count(distinct j.person) as persons
from journey_home j
join bed_stay b on j.person = b.person and j.year = b.year
where j.year = 2023
group by j.gender

-- name: contact_minutes_of_employed
-- kind: join
-- asks: How many minutes of contact did persons in employment measures of Uteseksjonen get each month of 2024?
select c.month, sum(c.minutes) as minutes
from contact c
join person_year p on c.person = p.person and c.year = p.year
where p.year = 2024 and p.ute_employment = 'yes'
group by c.month

-- name: missing_reports_by_primary_service_and_age
-- kind: join
-- asks: How many missing reports of 2024 were about persons of each primary service and whether they were minors?
select p.primary_service,
       case when p.age_band in ('0-12', '13-15', '16-17') then 'minor' else 'other' end as minor,
       count(*) as reports
from missing_report m
join person_year p on m.person = p.person and m.year = p.year
where m.year = 2024
group by p.primary_service, case when p.age_band in ('0-12', '13-15', '16-17') then 'minor' else 'other' end

-- name: concern_reports_known_to_agencies
-- kind: join
-- asks: How many concern reports were about persons also known to another agency, by year?
select r.year, count(*) as reports
from concern_report r
join person_year p on r.person = p.person and r.year = p.year
where r.year in (2023, 2024) and p.agency_contact = 'yes'
group by r.year

-- name: mean_follow_up_of_reinforced
-- kind: join
-- asks: How long are follow-ups of persons with reinforced follow-up and of the others in 2024?
select p.ute_reinforced_follow_up, avg(f.minutes) as mean_minutes, count(*) as follow_ups
from follow_up f
join person_year p on f.person = p.person and f.year = p.year
where f.year = 2024
group by p.ute_reinforced_follow_up

-- name: district_and_centre_both
-- kind: join
-- asks: How many persons from each home district met both their district's service and Uteseksjonen in 2023?
select u.home_district, count(distinct u.person) as persons
from (select person, year, home_district from contact where year = 2023 and service = 'uteseksjonen') u
join (select person, year from contact where year = 2023 and service <> 'uteseksjonen' and service <> 'unknown') d
  on u.person = d.person and u.year = d.year
group by u.home_district

-- name: referred_and_in_beds_and_met
-- kind: join
-- asks: How many persons met in 2024 were also referred to treatment and stayed in a bed unit?
select count(distinct c.person) as persons
from contact c
join referral r on c.person = r.person and c.year = r.year
join bed_stay b on c.person = b.person and c.year = b.year
where c.year = 2024 and r.referred_to = 'specialised_treatment'

-- name: met_but_not_followed_up
-- kind: semi_join
-- asks: How many persons met in 2024 were not followed up that year, by age?
select c.age_band, count(distinct c.person) as persons
from contact c
where c.year = 2024
  and not exists (select 1 from follow_up f where f.person = c.person and f.year = c.year)
group by c.age_band

-- name: contacts_of_the_followed_up
-- kind: semi_join
-- asks: How many contacts of 2023 were with persons who were also followed up, by service?
select c.service, count(*) as contacts
from contact c
where c.year = 2023
  and exists (select 1 from follow_up f where f.person = c.person and f.year = c.year)
group by c.service

-- name: missing_minors_in_measures
-- kind: semi_join
-- asks: How many minors reported missing in 2024 took part in a measure?
select count(distinct person) as minors
from missing_report
where year = 2024 and age_band in ('0-12', '13-15', '16-17')
  and person in (select person from measure where year = 2024)

-- name: known_to_police_and_child_welfare
-- kind: semi_join
-- asks: How many persons of each age living in Gamle Oslo were known both to the police and to child welfare in 2024?
select a.age_band, count(distinct a.person) as persons
from agency_contact a
where a.year = 2024 and a.agency = 'police' and a.home_district = '030101'
  and exists (select 1 from agency_contact b
              where b.person = a.person and b.year = a.year and b.agency = 'child_welfare')
group by a.age_band

-- name: police_not_outreach
-- kind: semi_join
-- asks: How many persons known to the police had no contact with any outreach service, by year?
select a.year, count(distinct a.person) as persons
from agency_contact a
where a.year in (2023, 2024) and a.agency = 'police'
  and not exists (select 1 from contact c where c.person = a.person and c.year = a.year)
group by a.year

-- name: bed_stays_after_referral
-- kind: semi_join
-- asks: How many bed stays at each unit were of persons with a referral in 2024?
select unit, count(*) as stays
from bed_stay
where year = 2024
  and person in (select person from referral where year = 2024 and referred_to <> 'unknown')
group by unit

-- name: concern_reports_about_the_missing
-- kind: semi_join
-- asks: About how many persons who were also reported missing in 2023 were concern reports sent each month?
select r.month, count(distinct r.person) as persons
from concern_report r
where r.year = 2023
  and exists (select 1 from missing_report m where m.person = r.person and m.year = r.year)
group by r.month

-- name: journeys_home_of_the_missing
-- kind: semi_join
-- asks: How many journeys home were of persons who had been reported missing, by gender, in 2024?
select gender, count(*) as journeys
from journey_home
where year = 2024 and person in (select person from missing_report where year = 2024)
group by gender

-- name: follow_up_minutes_of_employed
-- kind: semi_join
-- asks: How many minutes of follow-up did persons in employment measures get by month in 2023?
select f.month, sum(f.minutes) as minutes
from follow_up f
where f.year = 2023
  and exists (select 1 from measure m
              where m.person = f.person and m.year = f.year and m.measure_kind = 'employment')
group by f.month

-- name: cannabis_programme_without_psychologist
-- kind: semi_join
-- asks: How many persons in the cannabis programme did not see the psychologist, by gender, in 2024?
select m.gender, count(distinct m.person) as persons
from measure m
where m.year = 2024 and m.measure_kind = 'cannabis_cessation'
  and not exists (select 1 from measure p
                  where p.person = m.person and p.year = m.year and p.measure_kind = 'psychologist')
group by m.gender

-- name: person_years_met_at_night
-- kind: semi_join
-- asks: How many persons of each age and gender were met at night in 2024?
select p.age_band, p.gender, count(*) as persons
from person_year p
where p.year = 2024
  and exists (select 1 from contact c where c.person = p.person and c.year = p.year and c.shift = 'night')
group by p.age_band, p.gender

-- name: referrals_of_persons_never_in_beds
-- kind: semi_join
-- asks: How many referrals of 2024 were of persons without a bed stay, by receiver?
select referred_to, count(*) as referrals
from referral
where year = 2024 and person not in (select person from bed_stay where year = 2024)
group by referred_to

-- name: met_in_summer_and_winter
-- kind: semi_join
-- asks: How many persons met in the centre in the summer of 2024 were also met there in its winter months?
select count(distinct s.person) as persons
from contact s
where s.year = 2024 and s.month in (6, 7, 8) and s.area not in ('district', 'unknown')
  and exists (select 1 from contact w
              where w.person = s.person and w.year = s.year
                and w.month in (1, 2, 12) and w.area not in ('district', 'unknown'))

-- name: school_youth_followed_and_concerned
-- kind: semi_join
-- asks: How many persons known to school were followed up by a district and had no concern report, by home district, in 2023?
select a.home_district, count(distinct a.person) as persons
from agency_contact a
where a.year = 2023 and a.agency = 'school'
  and exists (select 1 from follow_up f where f.person = a.person and f.year = a.year and f.service <> 'uteseksjonen')
  and not exists (select 1 from concern_report r where r.person = a.person and r.year = a.year)
group by a.home_district

-- name: persons_by_number_of_contacts
-- kind: per_person
-- asks: How many persons were met once, twice, three to five times, or more often in 2024?
select case when n = 1 then '1' when n = 2 then '2' when n <= 5 then '3-5' else '6+' end as contacts,
       count(*) as persons
from (select person, year, count(*) as n from contact where year = 2024 group by person, year) t
group by case when n = 1 then '1' when n = 2 then '2' when n <= 5 then '3-5' else '6+' end

-- name: persons_met_often_by_year
-- kind: per_person
-- asks: How many persons were met ten times or more in each year?
select year, count(*) as persons
from (select person, year, count(*) as n from contact where year in (2023, 2024) group by person, year) t
where n >= 10
group by year

-- name: persons_met_by_several_services
-- kind: per_person
-- asks: How many persons were met by one, two, or three or more services in 2024?
with t as (
  select person, year, count(distinct service) as s
  from contact
  where year = 2024
  group by person, year
)
select case when s >= 3 then '3+' when s = 2 then '2' else '1' end as services, count(*) as persons
from t
group by case when s >= 3 then '3+' when s = 2 then '2' else '1' end

-- name: persons_in_contact_with_several_agencies
-- kind: per_person
-- asks: With how many agencies were the young of Gamle Oslo in contact in 2024?
select agencies, count(*) as persons
from (select person, year, count(distinct agency) as agencies
      from agency_contact
      where year = 2024 and home_district = '030101' and agency <> 'unknown'
      group by person, year) t
group by agencies
order by agencies

-- name: repeatedly_missing
-- kind: per_person
-- asks: How many persons were reported missing once, and how many several times, in each year?
select year,
       count(*) filter (where n = 1) as once,
       count(*) filter (where n > 1) as several_times
from (select person, year, count(*) as n from missing_report where year in (2023, 2024) group by person, year) t
group by year

-- name: admissions_a_person
-- kind: per_person
-- asks: How many young adults had one, two to three, or four or more admissions in 2024?
select case when n >= 4 then '4+' when n >= 2 then '2-3' else '1' end as admissions, count(*) as persons
from (select person, year, count(*) as n
      from bed_stay
      where year = 2024 and age_band in ('18-22', '23-24')
      group by person, year) t
group by case when n >= 4 then '4+' when n >= 2 then '2-3' else '1' end

-- name: nights_a_person
-- kind: per_person
-- asks: How many persons stayed more than 30 and more than 90 nights in all in 2023?
select count(*) filter (where m > 30) as over_30, count(*) filter (where m > 90) as over_90, count(*) as persons
from (select person, year, sum(nights) as m from bed_stay where year = 2023 group by person, year) t

-- name: mean_follow_ups_a_person
-- kind: per_person
-- asks: How many follow-ups does a person get on average in a year?
with t as (
  select person, year, count(*) as n
  from follow_up
  where year in (2023, 2024)
  group by person, year
)
select year, avg(n) as mean_follow_ups, count(*) as persons
from t
group by year

-- name: mean_contacts_a_person_by_gender
-- kind: per_person
-- asks: How many contacts does a woman or a man have on average in 2024?
select gender, avg(n) as mean_contacts, count(*) as persons
from (select person, year, gender, count(*) as n from contact where year = 2024 group by person, year, gender) t
group by gender

-- name: follow_up_time_a_person
-- kind: per_person
-- asks: How many persons got under two hours, two to ten, and over ten hours of follow-up in 2024?
select case when m < 120 then 'under 2 h' when m <= 600 then '2-10 h'
            when m > 600 then 'over 10 h' else 'not recorded' end as follow_up_time,
       count(*) as persons
from (select person, year, sum(minutes) as m from follow_up where year = 2024 group by person, year) t
group by case when m < 120 then 'under 2 h' when m <= 600 then '2-10 h'
            when m > 600 then 'over 10 h' else 'not recorded' end

-- name: several_measures_a_person
-- kind: per_person
-- asks: How many persons took part in more than one kind of measure in 2024?
select kinds, count(*) as persons
from (select person, year, count(distinct measure_kind) as kinds
      from measure
      where year = 2024 and measure_kind <> 'unknown'
      group by person, year) t
where kinds between 2 and 6
group by kinds

-- name: several_referrals_a_person
-- kind: per_person
-- asks: How many persons were referred to two receivers or more in each year?
select t.year, count(*) as persons
from (select person, year, count(distinct referred_to) as receivers
      from referral
      where year in (2023, 2024)
      group by person, year) t
where t.receivers >= 2
group by t.year

-- name: months_with_contact_a_person
-- kind: per_person
-- asks: In how many months of 2024 were persons met?
select months, count(*) as persons
from (select person, year, count(distinct month) as months from contact where year = 2024 group by person, year) t
group by months
order by months

-- name: concern_reports_a_person
-- kind: per_person
-- asks: About how many persons was more than one concern report sent in 2024?
select count(*) as persons
from (select person, year, count(*) as n from concern_report where year = 2024 group by person, year) t
where n > 1

-- name: journeys_a_person
-- kind: per_person
-- asks: How many journeys home, and how many travellers with two or more, were there in 2023?
select sum(n) as journeys, count(*) filter (where n >= 2) as with_several, count(*) as travellers
from (select person, year, count(*) as n from journey_home where year = 2023 group by person, year) t

-- name: contacts_and_follow_ups_a_person
-- kind: per_person
-- asks: How many persons had five contacts or more and yet only one follow-up in 2024?
with c as (
  select person, year, count(*) as contacts from contact where year = 2024 group by person, year
),
f as (
  select person, year, count(*) as follow_ups from follow_up where year = 2024 group by person, year
)
select count(*) as persons
from c
join f on c.person = f.person and c.year = f.year
where c.contacts >= 5 and f.follow_ups = 1

-- name: share_of_young_by_service
-- kind: post_processing
-- asks: Which share of each service's contacts in 2024 was with under-25s, in per cent?
select service,
       round(100.0 * count(*) filter (where age_band not in ('25+', 'unknown')) / nullif(count(*), 0), 1) as share_under_25
from contact
where year = 2024
group by service

-- name: contacts_a_person_by_service
-- kind: post_processing
-- asks: How many contacts does a person have on average at each service in 2023?
select service, 1.0 * count(*) / nullif(count(distinct person), 0) as contacts_a_person
from contact
where year = 2023
group by service
order by service

-- name: admissions_and_nights_a_person
-- kind: post_processing
-- asks: How many admissions a person, and nights a person and an admission, had young adults in 2024?
select round(1.0 * count(*) / nullif(count(distinct person), 0), 1) as admissions_a_person,
       round(1.0 * sum(nights) / nullif(count(distinct person), 0), 1) as nights_a_person,
       round(1.0 * sum(nights) / nullif(count(*), 0), 2) as nights_an_admission
from bed_stay
where year = 2024 and age_band in ('18-22', '23-24')

-- name: busiest_services
-- kind: post_processing
-- asks: Which five services had the most contacts in 2024?
select service, count(*) as contacts
from contact
where year = 2024
group by service
order by contacts desc, service
limit 5

-- name: districts_with_many_young
-- kind: post_processing
-- asks: From which home districts were more than 20 minors reached in 2024?
select home_district, count(*) as minors
from person_year
where year = 2024 and age_band in ('0-12', '13-15', '16-17')
group by home_district
having count(*) > 20
order by minors desc

-- name: follow_up_rate_by_age
-- kind: post_processing
-- asks: Which share of the persons met by Uteseksjonen in 2023 was also followed up, by age?
select age_band,
       1.0 * count(*) filter (where ute_contact = 'yes' and ute_follow_up = 'yes')
           / nullif(count(*) filter (where ute_contact = 'yes'), 0) as follow_up_rate
from person_year
where year = 2023
group by age_band

-- name: change_of_persons_by_district
-- kind: post_processing
-- asks: By how many per cent did the persons reached from each home district change from 2023 to 2024?
select home_district,
       count(*) filter (where year = 2023) as persons_2023,
       count(*) filter (where year = 2024) as persons_2024,
       round(100.0 * (count(*) filter (where year = 2024) - count(*) filter (where year = 2023))
             / nullif(count(*) filter (where year = 2023), 0), 1) as change_per_cent
from person_year
where year in (2023, 2024)
group by home_district

-- name: mean_month_of_missing_reports
-- kind: post_processing
-- asks: How many missing reports came in a mean month of 2024?
select round(count(*) / 12.0, 1) as reports_a_month
from missing_report
where year = 2024

-- name: direction_of_concern_reports
-- kind: post_processing
-- asks: Did concern reports about girls and boys go up or down from 2023 to 2024?
select gender,
       case when count(*) filter (where year = 2024) > count(*) filter (where year = 2023) then 'up'
            when count(*) filter (where year = 2024) < count(*) filter (where year = 2023) then 'down'
            else 'same' end as direction
from concern_report
where year in (2023, 2024)
group by gender

-- name: gap_between_genders_in_measures
-- kind: post_processing
-- asks: How far apart are men and women in each kind of measure in 2024?
select measure_kind,
       abs(count(distinct person) filter (where gender = 'male')
           - count(distinct person) filter (where gender = 'female')) as gap
from measure
where year = 2024
group by measure_kind
order by measure_kind

-- name: referral_share_of_receivers
-- kind: post_processing
-- asks: Which services send more than a third of their referrals of 2024 to NAV or child welfare?
select service, share
from (select service,
             1.0 * count(*) filter (where referred_to in ('nav', 'child_welfare')) / nullif(count(*), 0) as share
      from referral
      where year = 2024
      group by service) t
where share > 0.33

-- name: agency_contacts_above_twenty
-- kind: post_processing
-- asks: In which months of 2024 had which agencies more than 20 contacts with under-18s?
with t as (
  select agency, month, count(*) as contacts
  from agency_contact
  where year = 2024 and age_band in ('0-12', '13-15', '16-17')
  group by agency, month
)
select agency, month, contacts
from t
where contacts > 20
order by agency, month

-- name: journeys_home_a_traveller
-- kind: post_processing
-- asks: How many journeys home a traveller were there in each year, rounded?
select year, round(1.0 * n / nullif(p, 0), 2) as journeys_a_traveller
from (select year, count(*) as n, count(distinct person) as p
      from journey_home
      where year in (2023, 2024)
      group by year) t
order by year

-- name: mean_of_monthly_follow_up_persons
-- kind: post_processing
-- asks: How many persons are followed up in a mean month of 2024 (a mean of monthly figures, not persons of the year)?
select avg(persons) as mean_month
from (select month, count(distinct person) as persons from follow_up where year = 2024 group by month) t

-- name: contacts_a_week_by_service
-- kind: post_processing
-- asks: How many contacts a week did the services make in 2023, least first, without the two least and no more than ten?
select service, round(count(*) / 52.0, 1) as contacts_a_week
from contact
where year = 2023
group by service
order by count(*), service
limit 10 offset 2

-- name: new_minors_share
-- kind: post_processing
-- asks: Is the share of minors among the newly registered a third, in each year?
select year,
       count(*) as newly_registered,
       100.0 * count(*) filter (where age_band in ('0-12', '13-15', '16-17')) / nullif(count(*), 0) as minors_per_cent,
       100.0 * count(*) filter (where age_band in ('0-12', '13-15', '16-17')) / nullif(count(*), 0) - 100.0 / 3 as beyond_a_third
from person_year
where year in (2023, 2024) and ute_first_contact = 'yes'
group by year
order by year

-- name: contacts_by_service_with_total
-- kind: rollup
-- asks: How many contacts of each gender had each service in 2024, with totals?
select service, gender, count(*) as contacts
from contact
where year = 2024
group by rollup (service, gender)

-- name: persons_by_age_and_gender_cube
-- kind: rollup
-- asks: How many persons of each age and gender, with all margins, were reached in 2024?
select age_band, gender, count(*) as persons
from person_year
where year = 2024
group by cube (age_band, gender)

-- name: follow_up_persons_with_total
-- kind: rollup
-- asks: How many different persons of each belonging, and in all, were followed up in 2023?
select belonging, count(distinct person) as persons
from follow_up
where year = 2023
group by rollup (belonging)

-- name: bed_margins
-- kind: rollup
-- asks: How many stays were there by unit, by gender, and in all, in 2024?
select unit, gender, count(*) as stays
from bed_stay
where year = 2024
group by grouping sets ((unit), (gender), ())

-- name: missing_reports_year_and_month
-- kind: rollup
-- asks: How many missing reports were there each month, each year, and in both years?
select year, month, count(*) as reports
from missing_report
where year in (2023, 2024)
group by rollup (year, month)

-- name: concern_reports_cube
-- kind: rollup
-- asks: How many concern reports by gender and belonging with all totals were sent in 2024?
select gender, belonging, count(*) as reports
from concern_report
where year = 2024
group by cube (gender, belonging)

-- name: measures_with_labelled_totals
-- kind: rollup
-- asks: How many measures of each kind were given to each gender in 2023, totals labelled "all"?
select measure_kind, coalesce(gender, 'all') as gender_label, count(*) as measures
from measure
where year = 2023
group by measure_kind, rollup (gender)

-- name: referrals_margins
-- kind: rollup
-- asks: How many referrals by receiver and age, and by receiver alone, were made in 2024?
select referred_to, age_band, count(*) as referrals
from referral
where year = 2024
group by grouping sets ((referred_to, age_band), (referred_to))

-- name: journeys_rollup
-- kind: rollup
-- asks: How many journeys home by year and gender with totals were made?
select year, gender, count(*) as journeys
from journey_home
where year in (2023, 2024)
group by rollup (year, gender)
having count(*) > 0
order by year, gender

-- name: agency_contacts_rollup
-- kind: rollup
-- asks: How many contacts had each agency by quarter, with totals, in 2023?
select agency, extract(quarter from date) as quarter, count(*) as contacts
from agency_contact
where year = 2023
group by rollup (agency, extract(quarter from date))

-- name: follow_up_minutes_margins
-- kind: rollup
-- asks: How many follow-ups and minutes by service and by month were given in 2024?
select service, month, count(*) as follow_ups, sum(minutes) as minutes
from follow_up
where year = 2024
group by grouping sets ((service), (month))

-- name: names_of_districts_reached
-- kind: public_join
-- asks: How many persons from each home district, by its name, were reached in 2024?
select d.name_en, t.persons
from (select home_district, count(*) as persons from person_year where year = 2024 group by home_district) t
join district d on d.code = t.home_district
order by d.name_en

-- name: rate_of_13_15_by_district
-- kind: public_join
-- asks: How many of 1000 residents aged 13 to 15 of each district were reached in 2024?
select t.home_district, round(1000.0 * t.persons / nullif(p.residents, 0), 1) as reached_of_1000
from (select home_district, count(*) as persons
      from person_year
      where year = 2024 and age_band = '13-15'
      group by home_district) t
join population p on p.district = t.home_district and p.year = 2024 and p.age_band = '13-15'

-- name: rate_of_minors_two_years
-- kind: public_join
-- asks: How many of 1000 residents aged 13 to 17 were met by outreach in each district and year?
with met as (
  select year, home_district, age_band, count(distinct person) as persons
  from contact
  where year in (2023, 2024) and age_band in ('13-15', '16-17')
  group by year, home_district, age_band
)
select met.year, met.home_district, met.age_band, 1000.0 * met.persons / nullif(p.residents, 0) as rate
from met
join population p on p.year = met.year and p.district = met.home_district and p.age_band = met.age_band

-- name: concern_report_rate_of_16_17
-- kind: public_join
-- asks: How many concern reports per 1000 residents aged 16 and 17 came from each district in 2023?
select d.name_no, t.reports, p.residents, 1000.0 * t.reports / nullif(p.residents, 0) as rate
from (select home_district, count(*) as reports
      from concern_report
      where year = 2023 and age_band = '16-17'
      group by home_district) t
join district d on d.code = t.home_district
join population p on p.district = d.code and p.year = 2023 and p.age_band = '16-17'

-- name: contacts_by_region
-- kind: public_join
-- asks: How many contacts had the services of the inner and the outer city in 2024?
select r.name_en, sum(t.contacts) as contacts
from (select service, count(*) as contacts from contact where year = 2024 group by service) t
join region r on r.district = t.service and r.grouping = 'example'
group by r.name_en

-- name: follow_up_minutes_by_region_and_month
-- kind: public_join
-- asks: How many minutes of follow-up were given to persons from the inner and outer city each month of 2024?
select r.region, t.month, sum(t.minutes) as minutes
from (select home_district, month, sum(minutes) as minutes
      from follow_up
      where year = 2024
      group by home_district, month) t
join region r on r.district = t.home_district
where r.grouping = 'example'
group by r.region, t.month

-- name: missing_by_named_district
-- kind: public_join
-- asks: From which districts, by name, were persons reported missing in 2023, most first?
select d.name_en as district_name, t.persons
from (select home_district, count(distinct person) as persons
      from missing_report
      where year = 2023
      group by home_district) t
join district d on d.code = t.home_district
order by t.persons desc, d.name_en

-- name: agency_rate_in_gamle_oslo
-- kind: public_join
-- asks: Which share of the 13 to 15 and 16 to 17 year olds of Gamle Oslo was known to each agency in 2024?
select t.agency, t.age_band, 1.0 * t.persons / nullif(p.residents, 0) as share
from (select agency, age_band, count(distinct person) as persons
      from agency_contact
      where year = 2024 and home_district = '030101' and age_band in ('13-15', '16-17')
      group by agency, age_band) t
join population p on p.district = '030101' and p.year = 2024 and p.age_band = t.age_band

-- name: measures_by_service_name
-- kind: public_join
-- asks: How many measures did each district's own service give in 2024, by the district's name?
select d.name_no, t.measures
from (select service, count(*) as measures from measure where year = 2024 group by service) t
join district d on d.code = t.service

-- name: services_with_or_without_district
-- kind: public_join
-- asks: How many referrals had each service in 2023, with the district's name where it has one?
select t.service, coalesce(d.name_en, 'city wide') as district_name, t.referrals
from (select service, count(*) as referrals from referral where year = 2023 group by service) t
left join district d on d.code = t.service

-- name: young_adults_in_beds_by_residents
-- kind: public_join
-- asks: How many of 10000 residents aged 18 to 24 of each district stayed in a bed unit in 2024?
with stayed as (
  select home_district, count(distinct person) as persons
  from bed_stay
  where year = 2024 and age_band in ('18-22', '23-24')
  group by home_district
)
select s.home_district, 10000.0 * s.persons / nullif(a.residents + b.residents, 0) as of_10000
from stayed s
join population a on a.district = s.home_district and a.year = 2024 and a.age_band = '18-19'
join population b on b.district = s.home_district and b.year = 2024 and b.age_band = '20-24'

-- name: journeys_home_from_district
-- kind: public_join
-- asks: By which districts' services were persons followed home in 2024, by name and year?
select d.name_en, t.year, t.journeys
from (select service, year, count(*) as journeys
      from journey_home
      where year in (2023, 2024)
      group by service, year) t
join district d on d.code = t.service

-- name: key_figures_stacked
-- kind: union
-- asks: What are the persons with contact, follow-up and concern report of 2024, as a list?
select 'contact' as figure, count(distinct person) as persons from contact where year = 2024
union all
select 'follow-up' as figure, count(distinct person) as persons from follow_up where year = 2024
union all
select 'concern report' as figure, count(distinct person) as persons from concern_report where year = 2024

-- name: summer_and_winter_stacked
-- kind: union
-- asks: How many persons of each gender were met in the centre in summer and in winter months of 2024?
select 'summer' as season, gender, count(distinct person) as persons
from contact
where year = 2024 and month in (6, 7, 8) and area not in ('district', 'unknown')
group by gender
union all
select 'winter' as season, gender, count(distinct person) as persons
from contact
where year = 2024 and month in (12, 1, 2) and area not in ('district', 'unknown')
group by gender

-- name: under_18_and_under_25_stacked
-- kind: union
-- asks: How many under 18 and under 25 were newly registered by Uteseksjonen in each year?
select 'under 18' as age, year, count(*) as persons
from person_year
where year in (2023, 2024) and ute_first_contact = 'yes' and age_band in ('0-12', '13-15', '16-17')
group by year
union all
select 'under 25' as age, year, count(*) as persons
from person_year
where year in (2023, 2024) and ute_first_contact = 'yes' and age_band in ('0-12', '13-15', '16-17', '18-22', '23-24')
group by year

-- name: events_by_month_stacked
-- kind: union
-- asks: How do missing reports, concern reports and journeys home follow each other over the months of 2024?
select 'missing report' as event, month, count(*) as n from missing_report where year = 2024 group by month
union all
select 'concern report' as event, month, count(*) as n from concern_report where year = 2024 group by month
union all
select 'journey home' as event, month, count(*) as n from journey_home where year = 2024 group by month
order by event, month

-- name: bed_persons_and_admissions_stacked
-- kind: union
-- asks: How many persons and admissions had each unit in 2023, one under the other?
select 'persons' as figure, unit, count(distinct person) as n from bed_stay where year = 2023 group by unit
union all
select 'admissions' as figure, unit, count(*) as n from bed_stay where year = 2023 group by unit

-- name: measures_and_referrals_stacked
-- kind: union
-- asks: How many measures and referrals had women and men in 2024?
select 'measure' as help, gender, count(*) as times from measure where year = 2024 group by gender
union all
select 'referral' as help, gender, count(*) as times from referral where year = 2024 group by gender

-- name: time_by_kind_of_work
-- kind: union
-- asks: How many minutes went into contact and into follow-up at each service in 2024?
select 'contact' as work, service, sum(minutes) as minutes from contact where year = 2024 group by service
union all
select 'follow-up' as work, service, sum(minutes) as minutes from follow_up where year = 2024 group by service

-- name: agencies_and_outreach_stacked
-- kind: union
-- asks: How many under-18s of each home district were known to outreach and to other agencies in 2023?
select 'outreach' as who, home_district, count(distinct person) as persons
from contact
where year = 2023 and age_band in ('13-15', '16-17')
group by home_district
union all
select 'agencies' as who, home_district, count(distinct person) as persons
from agency_contact
where year = 2023 and age_band in ('13-15', '16-17')
group by home_district

-- name: total_of_the_stacked_events
-- kind: union
-- asks: How many events of child protection (missing, concern) were there in each year together?
select year, sum(n) as events
from (select year, count(*) as n from missing_report where year in (2023, 2024) group by year
      union all
      select year, count(*) as n from concern_report where year in (2023, 2024) group by year) t
group by year
order by year

-- name: two_years_stacked
-- kind: union
-- asks: How many persons followed home belong where, in 2023 and in 2024?
select 2023 as report_year, belonging, count(distinct person) as persons from journey_home where year = 2023 group by belonging
union all
select 2024 as report_year, belonging, count(distinct person) as persons from journey_home where year = 2024 group by belonging

-- name: share_of_all_contacts
-- kind: window
-- asks: Which share of all contacts of 2024 does each service have?
select service, count(*) as contacts, 1.0 * count(*) / nullif(sum(count(*)) over (), 0) as share
from contact
where year = 2024
group by service

-- name: rank_of_districts
-- kind: window
-- asks: How do the home districts rank by persons reached in 2024?
select home_district, persons, rank() over (order by persons desc) as place
from (select home_district, count(*) as persons from person_year where year = 2024 group by home_district) t
order by place, home_district

-- name: contacts_so_far_in_the_year
-- kind: window
-- asks: How many contacts had been made by the end of each month of 2024?
select month, contacts, sum(contacts) over (order by month) as so_far
from (select month, count(*) as contacts from contact where year = 2024 group by month) t
order by month

-- name: change_from_the_month_before
-- kind: window
-- asks: How did missing reports change from month to month in 2024?
select month, reports, reports - lag(reports) over (order by month) as change
from (select month, count(*) as reports from missing_report where year = 2024 group by month) t
order by month

-- name: change_from_the_year_before
-- kind: window
-- asks: How did the persons followed up at each service change from 2023 to 2024?
with t as (
  select service, year, count(distinct person) as persons
  from follow_up
  where year in (2023, 2024)
  group by service, year
)
select service, year, persons, persons - lag(persons) over (partition by service order by year) as change
from t

-- name: moving_mean_of_admissions
-- kind: window
-- asks: What is the three-month moving mean of admissions over two years?
select year, month, avg(admissions) over (order by year, month rows between 2 preceding and current row) as moving_mean
from (select year, month, count(*) as admissions from bed_stay where year in (2023, 2024) group by year, month) t

-- name: share_within_gender
-- kind: window
-- asks: How are the measures of each gender divided over the kinds in 2024?
select gender, measure_kind,
       100.0 * count(*) / nullif(sum(count(*)) over (partition by gender), 0) as per_cent_of_gender
from measure
where year = 2024
group by gender, measure_kind

-- name: first_receiver_of_each_service
-- kind: window
-- asks: To whom does each service refer most often in 2024?
with t as (
  select service, referred_to, count(*) as referrals
  from referral
  where year = 2024
  group by service, referred_to
),
placed as (
  select service, referred_to, referrals,
         row_number() over (partition by service order by referrals desc, referred_to) as place
  from t
)
select service, referred_to, referrals
from placed
where place = 1

-- name: concern_reports_against_mean
-- kind: window
-- asks: How far is each month's number of concern reports of 2023 from the mean month?
select month, n - avg(n) over () as from_mean
from (select month, count(*) as n from concern_report where year = 2023 group by month) t

-- name: cumulative_minutes_by_year
-- kind: window
-- asks: How does the time of follow-up add up over the months of each year?
select year, month, sum(minutes) as minutes,
       sum(sum(minutes)) over (partition by year order by month) as so_far
from follow_up
where year in (2023, 2024)
group by year, month

-- name: agency_rank_by_age
-- kind: window
-- asks: Which agencies know most persons of each age in 2023?
select age_band, agency, count(distinct person) as persons,
       rank() over (partition by age_band order by count(distinct person) desc) as place
from agency_contact
where year = 2023
group by age_band, agency

-- name: journeys_share_of_year
-- kind: window
-- asks: Which part of the year's journeys home falls in each quarter of 2023 and 2024?
select year, quarter, 1.0 * n / nullif(sum(n) over (partition by year), 0) as part
from (select year, extract(quarter from date) as quarter, count(*) as n
      from journey_home
      where year in (2023, 2024)
      group by year, extract(quarter from date)) t

-- name: median_minutes
-- kind: quantile
select year, median(minutes) as middle
from contact
where year in (2023, 2024)
group by year

-- name: median_minutes_by_shift
-- kind: quantile
select shift, median(minutes) as middle
from contact
where year = 2024
group by shift
order by shift

-- name: ninety_percent_are_shorter
-- kind: quantile
select percentile_cont(0.9) within group (order by minutes) as long
from contact
where year = 2023

-- name: quartiles_beside_the_number
-- kind: quantile
select gender, count(*) as n, percentile_cont(minutes, 0.25) as low, median(minutes) as middle,
       percentile_cont(minutes, 0.75) as high, avg(minutes) as mean
from contact
where year = 2024
group by gender

-- name: median_of_the_evenings
-- kind: quantile
select median(minutes) filter (where shift = 'evening') as evening,
       median(minutes) filter (where shift <> 'evening') as others
from contact
where year = 2024

-- name: median_nights
-- kind: quantile
select year, median(nights) as middle
from bed_stay
where year between 2023 and 2024
group by year

-- name: median_contacts_a_person
-- kind: quantile
select year, median(n) as middle
from (select person, year, count(*) as n from contact where year in (2023, 2024) group by person, year) p
group by year

-- name: half_hours
-- kind: quantile
select median(minutes / 30) as half_hours
from contact
where year = 2024

-- name: spread_of_minutes
-- kind: quantile
select upper - lower as spread
from (select percentile_cont(minutes, 0.75) as upper, percentile_cont(minutes, 0.25) as lower
      from contact
      where year = 2023) t

-- name: median_of_months
-- kind: quantile
select median(n) as middle
from (select month, count(*) as n from contact where year = 2024 group by month) t

-- name: persons_sharper_than_contacts
-- kind: several
-- asks: Persons, contacts and minutes of each service in 2024, the persons twice as sure as the rest?
/*+ weights(persons => 2) */
select service, count(distinct person) as persons, count(*) as contacts, sum(minutes) as minutes
from contact
where year = 2024
group by service

-- name: nights_sharper_than_stays
-- kind: several
-- asks: Nights and stays by unit, the nights three times as sure?
select unit, /*+ weights(nights => 3, "count(*)" => 1) */ sum(nights) as nights, count(*)
from bed_stay
where year = 2024
group by unit

-- name: minors_weighed_against_all
-- kind: filtered_aggregate
-- asks: All persons of a year and the minors among them, by gender, the minors one and a half times as sure?
/*+ weights(minors => 1.5) */
select gender, count(*) as persons, count(*) filter (where age_band in ('0-12', '13-15', '16-17')) as minors
from person_year
where year = 2023
group by gender

-- name: rollup_with_weights
-- kind: rollup
-- asks: Contacts and minutes by gender and in all, the minutes twice as sure?
/*+ weights(minutes => 2) */
select gender, count(*) as contacts, sum(minutes) as minutes
from contact
where year = 2024
group by rollup (gender)

-- name: two_tables_with_weights
-- kind: several
-- asks: Contacts and follow-ups of a year beside each other, the follow-ups twice as sure?
/*+ weights(follow_ups => 2) */
select c.gender, contacts, follow_ups
from (select gender, count(*) as contacts from contact where year = 2024 group by gender) c
join (select gender, count(*) as follow_ups from follow_up where year = 2024 group by gender) f on c.gender = f.gender

-- name: median_minutes_rolled_up
-- kind: quantile
-- asks: The median duration of a contact by gender, and of all contacts?
select gender, median(minutes) as middle, count(*) as contacts
from contact
where year = 2024
group by rollup (gender)

-- name: quantiles_over_a_cube
-- kind: quantile
-- asks: Quartiles of the duration by gender, by whether it was in summer, by both and in all?
select gender, month between 6 and 8 as summer,
       percentile_cont(minutes, 0.25) as lower, percentile_cont(minutes, 0.75) as upper
from contact
where year = 2023
group by cube (gender, month between 6 and 8)

-- name: median_nights_by_sets
-- kind: quantile
-- asks: The median stay by unit and by gender, each by itself?
select gender, unit, median(nights) filter (where nights > 0) as nights, median(nights) as with_none
from bed_stay
where year = 2024
group by grouping sets ((gender), (unit))
