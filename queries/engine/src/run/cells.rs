//! The cell of a row, by the places of its fields.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::NOWHERE;
use super::condition::Test;

/// What gives the cell of a row in a grouping set.
pub(super) enum CellLookup {
    /// The cell of each combination of places, where these are few. Behind the places of a field comes one for what is none of them.
    Flat { inputs: Vec<Input>, cells: Vec<u32> },
    /// The axes, and the cell of each combination of their classes.
    Axes { axes: Arc<[AxisLookup]>, cells: Arc<[u32]> },
}

pub(super) struct AxisLookup {
    pub(super) inputs: Combination,
    pub(super) classes: Vec<u32>,
    pub(super) count: u32,
}

/// Which fields, how many places each has, and by how much each of these counts.
pub(super) struct Combination(pub(super) Vec<Input>);

pub(super) struct Input {
    pub(super) field: usize,
    pub(super) places: u32,
    pub(super) stride: u32,
}

/// The most combinations of a [`CellLookup::Flat`]: what a core has close by.
const FLAT: usize = 1 << 14;

impl CellLookup {
    /// Of axes, where fields have so many places. It knows as many of the tests, from the first on, as it can without becoming
    /// large: a row that does not pass one of them is in no cell. How many that are is said with it. Takes what it needs of the combinations
    /// that there is `room` for.
    pub(super) fn new(
        axes: &Arc<[AxisLookup]>,
        cells: &Arc<[u32]>,
        tests: &[&Test],
        places: &[usize],
        room: &mut usize,
    ) -> (Self, usize) {
        let by_axes = Self::Axes { axes: Arc::clone(axes), cells: Arc::clone(cells) };
        let flat = (0..=tests.len()).rev().find_map(|known| {
            let flat = by_axes.flat(&tests[..known], places, FLAT.min(*room))?;
            if let Self::Flat { cells, .. } = &flat {
                *room -= cells.len();
            }
            Some((flat, known))
        });
        flat.unwrap_or((by_axes, 0))
    }

    /// The same, looked up for each combination of places there can be.
    fn flat(&self, tests: &[&Test], places: &[usize], most: usize) -> Option<Self> {
        let Self::Axes { axes, .. } = self else { return None };
        let of_axes = axes.iter().flat_map(|axis| &axis.inputs.0).map(|input| input.field);
        let mut fields: BTreeSet<usize> = of_axes.collect();
        for test in tests {
            test.fields(&mut fields);
        }
        // Without fields there is one combination, which needs its room, too.
        let (mut inputs, mut combinations) = (Vec::new(), Some(1_usize).filter(|all| *all <= most)?);
        for field in fields {
            let of_field = *places.get(field)?;
            let stride = u32::try_from(combinations).ok()?;
            inputs.push(Input { field, places: u32::try_from(of_field).ok()?, stride });
            combinations = combinations.checked_mul(of_field.checked_add(1)?).filter(|all| *all <= most)?;
        }
        // As rows, one each.
        let mut rows = vec![Vec::new(); places.len()];
        for Input { field, places, stride } in &inputs {
            let of_row = |row: u32| Some(row / stride % (places + 1)).filter(|place| place < places);
            let rows = rows.get_mut(*field)?;
            rows.extend((0..u32::try_from(combinations).ok()?).map(|row| of_row(row).unwrap_or(NOWHERE)));
        }
        let mut cells = Vec::new();
        self.find(&rows, combinations, &mut Vec::new(), &mut cells);
        for test in tests {
            mask(&mut cells, test.passing(&rows, combinations).as_deref());
        }
        Some(Self::Flat { inputs, cells })
    }

    /// Puts the cells of the rows into `found`; [`NOWHERE`] where a row is in none.
    pub(super) fn find(&self, places: &[Vec<u32>], rows: usize, room: &mut Vec<u32>, found: &mut Vec<u32>) {
        found.clear();
        let (axes, cells) = match self {
            Self::Flat { inputs, cells } => return flat(inputs, cells, places, rows, room, found),
            Self::Axes { axes, cells } => (axes, cells),
        };
        found.resize(rows, 0);
        for axis in axes.iter() {
            let of_axis = axis.inputs.at(places, rows, room);
            for (at, combination) in found.iter_mut().zip(of_axis) {
                let class = axis.classes.get(*combination as usize).copied().unwrap_or(NOWHERE);
                *at = if *at == NOWHERE || class == NOWHERE { NOWHERE } else { *at * axis.count + class };
            }
        }
        for at in found {
            *at = cells.get(*at as usize).copied().unwrap_or(NOWHERE);
        }
    }
}

/// Cells of combinations that are all there.
fn flat(
    inputs: &[Input],
    cells: &[u32],
    places: &[Vec<u32>],
    rows: usize,
    room: &mut Vec<u32>,
    found: &mut Vec<u32>,
) {
    // What a place counts; one more than there are for what is none of them.
    let counted = |input: &Input, place: u32| place.min(input.places) * input.stride;
    match inputs {
        [one] => found.extend(places[one.field].iter().map(|place| cell(cells, counted(one, *place)))),
        [one, two] => {
            let both = places[one.field].iter().zip(&places[two.field]);
            found.extend(both.map(|(a, b)| cell(cells, counted(one, *a) + counted(two, *b))));
        }
        _ => {
            room.clear();
            room.resize(rows, 0);
            for input in inputs {
                for (at, place) in room.iter_mut().zip(&places[input.field]) {
                    *at += counted(input, *place);
                }
            }
            found.extend(room.iter().map(|at| cell(cells, *at)));
        }
    }
}

fn cell(cells: &[u32], at: u32) -> u32 {
    cells.get(at as usize).copied().unwrap_or(NOWHERE)
}

/// Leaves rows that do not pass in no cell.
pub(super) fn mask(cells: &mut [u32], passing: Option<&[bool]>) {
    for (cell, passes) in cells.iter_mut().zip(passing.into_iter().flatten()) {
        *cell = if *passes { *cell } else { NOWHERE };
    }
}

impl Combination {
    /// The number of each row's combination of places; [`NOWHERE`] if one of them is.
    pub(super) fn at<'p>(&self, places: &'p [Vec<u32>], rows: usize, room: &'p mut Vec<u32>) -> &'p [u32] {
        if let [Input { field, stride: 1, .. }] = self.0[..] {
            return &places[field];
        }
        room.clear();
        room.resize(rows, 0);
        for Input { field, places: number, stride } in &self.0 {
            for (at, place) in room.iter_mut().zip(&places[*field]) {
                // A place that is none must not be taken for another combination's.
                let is_none = *at == NOWHERE || *place >= *number;
                *at = if is_none { NOWHERE } else { *at + *place * stride };
            }
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The places of some fields, axes of one or two of them with so many classes, and tests of them.
    #[derive(Debug, Clone)]
    struct Drawn {
        fields: Vec<u32>,
        axes: Vec<(Vec<usize>, Vec<u32>, u32)>,
        tests: Vec<(usize, Vec<bool>)>,
    }

    fn drawn() -> impl Strategy<Value = Drawn> {
        prop::collection::vec(1..9_u32, 1..5).prop_flat_map(|fields| {
            let sizes = fields.clone();
            let field = 0..fields.len();
            let axis = (prop::collection::btree_set(field.clone(), 1..3), 1..4_u32).prop_flat_map(
                move |(of, count)| {
                    let of: Vec<usize> = of.into_iter().collect();
                    let combinations = of.iter().map(|field| sizes[*field] as usize).product::<usize>();
                    let class = prop_oneof![4 => 0..count, 1 => Just(NOWHERE)];
                    (Just(of), prop::collection::vec(class, combinations), Just(count))
                },
            );
            let test = (field, prop::collection::vec(prop::bool::weighted(0.8), 8));
            (Just(fields), prop::collection::vec(axis, 0..4), prop::collection::vec(test, 0..3))
                .prop_map(|(fields, axes, tests)| Drawn { fields, axes, tests })
        })
    }

    fn lookups(drawn: &Drawn) -> Vec<AxisLookup> {
        let axis = |(of, classes, count): &(Vec<usize>, Vec<u32>, u32)| {
            let mut stride: u32 = of.iter().map(|field| drawn.fields[*field]).product();
            let inputs = of.iter().map(|field| {
                let places = drawn.fields[*field];
                stride /= places;
                Input { field: *field, places, stride }
            });
            AxisLookup { inputs: Combination(inputs.collect()), classes: classes.clone(), count: *count }
        };
        drawn.axes.iter().map(axis).collect()
    }

    /// All rows are in one cell where nothing is grouped by: also when other tables took all the room.
    #[test]
    fn one_cell_without_fields_needs_no_room() {
        let (axes, cells): (Arc<[AxisLookup]>, Arc<[u32]>) = ([].into(), [0].into());
        for (room, is_flat) in [(0, false), (1, true), (5, true)] {
            let mut left = room;
            let (lookup, known) = CellLookup::new(&axes, &cells, &[&Test::Always], &[3], &mut left);
            let is_table = matches!(lookup, CellLookup::Flat { .. });
            assert_eq!((is_table, known, left), (is_flat, usize::from(is_flat), room - usize::from(is_flat)));
            let (mut rows, mut found) = (Vec::new(), Vec::new());
            lookup.find(&[vec![0, 2]], 2, &mut rows, &mut found);
            assert_eq!(found, [0, 0]);
        }
    }

    proptest! {
        /// The cells are those that a look at each axis and each test by itself gives, whichever way they are looked up.
        #[test]
        fn cells_are_those_of_the_axes(drawn in drawn(), room in prop_oneof![0..200_usize, Just(1 << 20)], draws in prop::collection::vec(any::<u32>(), 1..200)) {
            // Some places are none.
            let place = |size: &u32, draw: &u32| if draw.is_multiple_of(7) { NOWHERE } else { draw / 7 % size };
            let column = |(at, size): (usize, &u32)| {
                draws.iter().map(|draw| place(size, &draw.rotate_left(5 * u32::try_from(at).unwrap_or(0)))).collect()
            };
            let places: Vec<Vec<u32>> = drawn.fields.iter().enumerate().map(column).collect();
            let classes: u32 = drawn.axes.iter().map(|(.., count)| count).product();
            let cells: Vec<u32> = (0..classes).map(|at| if at % 5 == 4 { NOWHERE } else { 100 + at }).collect();
            let passes = |row: usize, tests: &[(usize, Vec<bool>)]| tests.iter().all(|(field, holds)| {
                holds.get(places[*field][row] as usize).copied().unwrap_or(false)
            });
            let expected = |row: usize| {
                let mut at = 0;
                for (of, of_places, count) in &drawn.axes {
                    let mut combination = 0;
                    for field in of {
                        let place = places[*field][row];
                        if place == NOWHERE { return NOWHERE; }
                        combination = combination * drawn.fields[*field] + place;
                    }
                    let class = of_places[combination as usize];
                    if class == NOWHERE { return NOWHERE; }
                    at = at * count + class;
                }
                cells[at as usize]
            };
            let sizes: Vec<usize> = drawn.fields.iter().map(|size| *size as usize).collect();
            let tests: Vec<Test> = drawn.tests.iter().map(|(field, holds)| Test::In(*field, holds.clone())).collect();
            let tests: Vec<&Test> = tests.iter().collect();
            let (axes, cells): (Arc<[AxisLookup]>, Arc<[u32]>) = (lookups(&drawn).into(), cells.clone().into());
            let mut left = room;
            let (lookup, known) = CellLookup::new(&axes, &cells, &tests, &sizes, &mut left);
            let with = |known: usize| {
                let of_axes = drawn.axes.iter().flat_map(|(of, ..)| of.iter().copied());
                let of_tests = drawn.tests[..known].iter().map(|(field, _)| *field);
                let fields: BTreeSet<usize> = of_axes.chain(of_tests).collect();
                fields.iter().map(|field| sizes[*field] + 1).product::<usize>()
            };
            let most = (0..=tests.len()).rev().find(|known| with(*known) <= FLAT.min(room));
            prop_assert_eq!(left, room - most.map_or(0, with));
            prop_assert_eq!((known, matches!(lookup, CellLookup::Flat { .. })), (most.unwrap_or(0), most.is_some()));
            for (lookup, known) in [(lookup, known), (CellLookup::Axes { axes, cells: Arc::clone(&cells) }, 0)] {
                let (mut room, mut found) = (vec![7], vec![7]);
                lookup.find(&places, draws.len(), &mut room, &mut found);
                let cell = |row| if passes(row, &drawn.tests[..known]) { expected(row) } else { NOWHERE };
                prop_assert_eq!(&found, &(0..draws.len()).map(cell).collect::<Vec<_>>());
            }
        }
    }
}
