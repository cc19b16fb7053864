//! A disk that loses its power: what is left of a folder.
//!
//! # What is assumed
//! Forcing a file to the disk makes its content and length durable, and its name if it is new; forcing the
//! folder makes all names durable. Names that were not forced come to the disk in the order in which they
//! were made, as the journal of a file system writes them, so that a first part of them is there. Of content
//! and length that were not forced, anything may be there and anything not, as each cut chooses ([`Disk::cut`]).

use std::collections::BTreeMap;

use super::super::common_processes::Dice;
use super::record::{Act, Change, What};

/// Files by name.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// The file beside the book that notes its head.
const NOTE: &str = "ledger.head";

const SECTOR: usize = 512;
const PAGE: usize = 4_096;

/// A file, whatever it is called.
#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    /// Not forced to the disk yet.
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Naming {
    Put(String, usize),
    Remove(String),
}

/// A folder, in memory and on the disk.
#[derive(Clone)]
pub(super) struct Disk {
    inodes: Vec<Inode>,
    /// As the processes see them.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    namings: Vec<Naming>,
    /// Says that it did what it was forced to, and does not.
    pub(super) lies: bool,
}

impl Disk {
    pub(super) fn new(image: Image) -> Self {
        let (names, inodes): (Vec<_>, Vec<_>) =
            image.into_iter().map(|(name, durable)| (name, Inode { durable, changes: Vec::new() })).unzip();
        let names: BTreeMap<String, usize> = names.into_iter().zip(0..).collect();
        Self { inodes, durable_names: names.clone(), names, namings: Vec::new(), lies: false }
    }

    pub(super) fn act(&mut self, act: &Act) {
        let name = &act.name;
        match &act.what {
            What::Create => {
                self.inodes.push(Inode::default());
                self.name(Naming::Put(name.clone(), self.inodes.len() - 1));
            }
            What::Remove => self.name(Naming::Remove(name.clone())),
            What::Rename(other) => {
                let inode = self.names[name];
                self.name(Naming::Remove(name.clone()));
                self.name(Naming::Put(other.clone(), inode));
            }
            What::Change(change) => {
                // A file that has no name any more is gone for everybody who comes later.
                if let Some(inode) = self.names.get(name) {
                    self.inodes[*inode].changes.push(change.clone());
                }
            }
            What::Sync if self.lies => {}
            What::Sync if name.is_empty() => self.keep_names(self.namings.len()),
            What::Sync => {
                if let Some(inode) = self.names.get(name).copied() {
                    let Inode { durable, changes } = &mut self.inodes[inode];
                    changes.drain(..).for_each(|change| apply(durable, &change));
                    let made = |naming: &Naming| matches!(naming, Naming::Put(_, number) if *number == inode);
                    self.keep_names(self.namings.iter().rposition(made).map_or(0, |at| at + 1));
                }
            }
        }
    }

    fn name(&mut self, naming: Naming) {
        rename(&mut self.names, &naming);
        self.namings.push(naming);
    }

    fn keep_names(&mut self, count: usize) {
        for naming in self.namings.drain(..count) {
            rename(&mut self.durable_names, &naming);
        }
    }

    /// The folder as the processes see it.
    pub(super) fn in_memory(&self) -> Image {
        self.names.iter().map(|(name, inode)| (name.clone(), all_of(&self.inodes[*inode]))).collect()
    }

    /// The folder as it may be after the power was cut now.
    pub(super) fn cut(&self, dice: &mut Dice) -> Image {
        let fate = dice.below(6);
        let mut names = self.durable_names.clone();
        let kept = match fate {
            0 => 0,
            1 => self.namings.len(),
            _ => dice.place(self.namings.len() + 1),
        };
        for naming in &self.namings[..kept] {
            rename(&mut names, naming);
        }
        let mut content = |name: &str, inode: &Inode| match fate {
            0 => inode.durable.clone(),
            1 => all_of(inode),
            2 | 3 => by_page(inode, dice),
            // Its lines lie in one page and are never forced: the page goes to the disk as a whole, in whatever
            // state, torn at one place at most.
            _ if name == NOTE => by_page(inode, dice),
            _ => by_write(inode, dice),
        };
        names.iter().map(|(name, inode)| (name.clone(), content(name, &self.inodes[*inode]))).collect()
    }
}

fn rename(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Put(name, inode) => names.insert(name.clone(), *inode),
        Naming::Remove(name) => names.remove(name),
    };
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Write { place, data } => {
            let end = place + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*place..end].copy_from_slice(data);
        }
    }
}

fn all_of(inode: &Inode) -> Vec<u8> {
    let mut content = inode.durable.clone();
    for change in &inode.changes {
        apply(&mut content, change);
    }
    content
}

/// An orderly system: each page of the file was written back at some moment, and was being written back once
/// more when the power went, so that a first part of it is newer than the rest. The length is that of some
/// moment.
fn by_page(inode: &Inode, dice: &mut Dice) -> Vec<u8> {
    let Inode { durable, changes } = inode;
    let longest = all_of(inode).len().max(durable.len());
    let mut content = vec![0; longest.next_multiple_of(PAGE)];
    content[..durable.len()].copy_from_slice(durable);
    for (number, page) in content.chunks_mut(PAGE).enumerate() {
        let touching: Vec<&Change> = changes.iter().filter(|change| touches(change, number * PAGE)).collect();
        let newer = dice.place(touching.len() + 1);
        let older = dice.place(newer + 1);
        let mut on_disk = page.to_vec();
        touching[..older].iter().for_each(|change| apply_to_page(&mut on_disk, number * PAGE, change));
        let mut in_flight = on_disk.clone();
        touching[older..newer].iter().for_each(|change| apply_to_page(&mut in_flight, number * PAGE, change));
        // Not even a sector is taken to be written as a whole.
        let torn = dice.place(PAGE + 1);
        page[..torn].copy_from_slice(&in_flight[..torn]);
        page[torn..].copy_from_slice(&on_disk[torn..]);
    }
    let mut lengths = vec![durable.len()];
    for change in changes {
        let before = lengths[lengths.len() - 1];
        lengths.push(match change {
            Change::Length(length) => *length,
            Change::Write { place, data } => before.max(place + data.len()),
        });
    }
    content.resize(lengths[dice.place(lengths.len())], 0);
    content
}

fn touches(change: &Change, start: usize) -> bool {
    match change {
        Change::Length(length) => *length < start + PAGE,
        Change::Write { place, data } => *place < start + PAGE && place + data.len() > start,
    }
}

fn apply_to_page(page: &mut [u8], start: usize, change: &Change) {
    match change {
        Change::Length(length) => page[length.saturating_sub(start).min(PAGE)..].fill(0),
        Change::Write { place, data } => {
            let (from, to) = ((*place).max(start), (place + data.len()).min(start + PAGE));
            page[from - start..to - start].copy_from_slice(&data[from - place..to - place]);
        }
    }
}

/// A disk without order: each write by itself is there, or not, or a first part of it, or some sectors.
fn by_write(inode: &Inode, dice: &mut Dice) -> Vec<u8> {
    let mut content = inode.durable.clone();
    for change in &inode.changes {
        let (fate, Change::Write { place, data }) = (dice.below(4), change) else {
            if dice.below(2) == 0 {
                apply(&mut content, change);
            }
            continue;
        };
        match fate {
            0 => {}
            1 => apply(&mut content, change),
            2 => {
                let data = data[..dice.place(data.len() + 1)].to_vec();
                apply(&mut content, &Change::Write { place: *place, data });
            }
            _ => {
                let mut from = 0;
                while from < data.len() {
                    let to = ((place + from + 1).next_multiple_of(SECTOR) - place).min(data.len());
                    if dice.below(2) == 0 {
                        let data = data[from..to].to_vec();
                        apply(&mut content, &Change::Write { place: place + from, data });
                    }
                    from = to;
                }
            }
        }
    }
    content
}
