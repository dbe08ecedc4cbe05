//! Tables of what was measured, and whether the figures that were asked for are reached.

use crate::measure::{Cell, Figure, Temperature};
use crate::stream::Payload;

/// Everything that was measured.
pub(crate) struct Report {
    cells: Vec<(Cell, Vec<Figure>)>,
}

/// A figure to reach: at least so many times as fast as.
struct Goal {
    what: &'static str,
    least: f64,
    /// The cells that it is about.
    cells: fn(&Cell) -> bool,
    /// Ours and theirs: each pair counts. Of several of ours the fastest counts, as one chooses the way in that fits one's reads.
    pairs: &'static [(&'static [&'static str], &'static str)],
}

const GOALS: [Goal; 14] = [
    Goal {
        what: "u32, segments from 64 B, hot",
        least: 1.0,
        cells: |cell| cell.group == "u32" && is_hot(cell) && cell.segment >= 64,
        pairs: &[
            (&["borrow", "for_each", "direct", "pop_each"], "hand, fixed buffer"),
            (&["borrow"], "hand, fixed buffer"),
            (&["for_each"], "hand, fixed buffer"),
            (&["direct"], "hand, fixed buffer"),
            (&["pop_each"], "hand, fixed buffer"),
        ],
    },
    Goal {
        what: "u32, 16 B, segments from 64 B, hot",
        least: 1.2,
        cells: |cell| cell.group == "u32" && is_hot(cell) && cell.segment >= 64 && has(cell, &[16]),
        pairs: &[(&["borrow"], "hand, fixed buffer"), (&["for_each"], "hand, fixed buffer")],
    },
    Goal {
        what: "u32, everywhere",
        least: 1.0,
        cells: |cell| cell.group == "u32",
        pairs: &[
            (&["borrow", "for_each", "direct", "pop_each", "push_byte"], "wire-codec"),
            (&["borrow"], "wire-codec"),
            (&["for_each"], "wire-codec"),
            (&["direct"], "wire-codec"),
            (&["pop_each"], "wire-codec"),
        ],
    },
    Goal {
        what: "u32, 16 B, segments from 64 B, hot",
        least: 4.0,
        cells: |cell| cell.group == "u32" && is_hot(cell) && cell.segment >= 64 && has(cell, &[16]),
        pairs: &[
            (&["borrow"], "tokio-util"),
            (&["for_each"], "tokio-util"),
            (&["direct"], "tokio-util"),
            (&["pop_each"], "tokio-util"),
        ],
    },
    Goal {
        what: "u32, 256 B, segments from 64 B, hot",
        least: 2.0,
        cells: |cell| cell.group == "u32" && is_hot(cell) && cell.segment >= 64 && has(cell, &[256]),
        pairs: &[
            (&["borrow"], "tokio-util"),
            (&["for_each"], "tokio-util"),
            (&["direct"], "tokio-util"),
            (&["pop_each"], "tokio-util"),
        ],
    },
    Goal {
        what: "u32, segments of 1 B, hot",
        least: 1.5,
        cells: |cell| cell.group == "u32" && is_hot(cell) && cell.segment == 1,
        pairs: &[(&["push_byte"], "hand, fixed buffer"), (&["borrow"], "hand, fixed buffer")],
    },
    Goal {
        what: "lines, 8 and 24 B, segments from 64 B, hot",
        least: 1.5,
        cells: |cell| cell.group == "lines" && is_hot(cell) && cell.segment >= 64 && has(cell, &[8, 24]),
        pairs: &[
            (&["borrow"], "hand, fixed buffer"),
            (&["for_each"], "hand, fixed buffer"),
            (&["direct"], "hand, fixed buffer"),
            (&["pop_each"], "hand, fixed buffer"),
            (&["borrow"], "hand, borrow"),
            (&["for_each"], "hand, borrow"),
        ],
    },
    Goal {
        what: "lines, 80 B and longer, segments from 64 B, hot",
        least: 1.0,
        cells: |cell| cell.group == "lines" && is_hot(cell) && cell.segment >= 64 && has(cell, &[80, 256, 1460, 16384]),
        pairs: &[
            (&["borrow"], "hand, fixed buffer"),
            (&["for_each"], "hand, fixed buffer"),
            (&["direct"], "hand, fixed buffer"),
            (&["pop_each"], "hand, fixed buffer"),
            (&["borrow"], "hand, borrow"),
            (&["for_each"], "hand, borrow"),
        ],
    },
    Goal {
        what: "lines, segments from 64 B, hot",
        least: 2.5,
        cells: |cell| cell.group == "lines" && is_hot(cell) && cell.segment >= 64,
        pairs: &[
            (&["borrow"], "tokio-util"),
            (&["for_each"], "tokio-util"),
            (&["direct"], "tokio-util"),
            (&["pop_each"], "tokio-util"),
        ],
    },
    Goal {
        what: "COBS, segments from 64 B, hot",
        least: 0.9,
        cells: |cell| is_cobs(cell) && is_hot(cell) && cell.segment >= 64,
        pairs: &[
            (&["borrow"], "hand, block copy"),
            (&["for_each"], "hand, block copy"),
            (&["stream"], "hand, block copy"),
        ],
    },
    Goal {
        what: "COBS, segments from 64 B, hot",
        least: 5.0,
        cells: |cell| is_cobs(cell) && is_hot(cell) && cell.segment >= 64,
        pairs: &[(&["borrow"], "cobs"), (&["for_each"], "cobs"), (&["stream"], "cobs")],
    },
    Goal {
        what: "COBS, everywhere",
        least: 1.0,
        cells: is_cobs,
        pairs: &[
            (&["borrow"], "corncobs, whole"),
            (&["for_each"], "corncobs, whole"),
            (&["borrow"], "corncobs, bytes"),
        ],
    },
    Goal { what: "encode u32", least: 1.0, cells: |cell| cell.group == "encode-u32", pairs: &[(&["push"], "hand")] },
    Goal {
        what: "encode u32, 16 B",
        least: 2.0,
        cells: |cell| cell.group == "encode-u32" && has(cell, &[16]),
        pairs: &[(&["push"], "tokio-util")],
    },
];

/// The contenders that are ours.
const OURS: [&str; 8] = ["borrow", "for_each", "direct", "pop_each", "push_byte", "stream", "push", "reserve, commit"];

impl Report {
    pub(crate) fn new() -> Self {
        Self { cells: Vec::new() }
    }

    /// Adds a cell, and says so on stderr, for the one who waits.
    pub(crate) fn add(&mut self, cell: Cell, figures: Vec<Figure>) {
        eprintln!(
            "{:<12} {:>5} B, segment {:>5}, {}, {}",
            cell.group, cell.payload, cell.segment, cell.temperature, cell.sink
        );
        self.cells.push((cell, figures));
    }

    pub(crate) fn print(&self) {
        let mut done = Vec::new();
        for (cell, figures) in &self.cells {
            let table = (cell.group, cell.segment, cell.sink, cell.temperature);
            if done.contains(&table) {
                continue;
            }
            done.push(table);
            let rows = self
                .cells
                .iter()
                .filter(|(other, _)| (other.group, other.segment, other.sink, other.temperature) == table);
            print_table(cell, figures, rows);
        }
        self.print_goals();
    }

    fn print_goals(&self) {
        println!("\n## Figures to reach (times as fast as, the worst cell)\n");
        println!("| figure | asked | reached | cells below | worst |");
        println!("|---|---:|---:|---:|---|");
        for goal in &GOALS {
            for &(ours, theirs) in goal.pairs {
                let fastest =
                    |figures: &[Figure]| ours.iter().filter_map(|name| nanos(figures, name)).min_by(f64::total_cmp);
                let mut ratios: Vec<_> = self
                    .cells
                    .iter()
                    .filter(|(cell, _)| (goal.cells)(cell))
                    .filter_map(|(cell, figures)| Some((nanos(figures, theirs)? / fastest(figures)?, cell)))
                    .collect();
                ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
                let Some((worst, cell)) = ratios.first() else { continue };
                let below = ratios.iter().filter(|(ratio, _)| *ratio < goal.least).count();
                println!(
                    "| {}: {} ({}) | {:.1} | {worst:.2} | {below} of {} | {} B in {}, {}, {} |",
                    goal.what,
                    theirs,
                    ours.join(" or "),
                    goal.least,
                    ratios.len(),
                    cell.payload,
                    cell.segment,
                    cell.temperature,
                    cell.sink,
                );
            }
        }
    }
}

fn print_table<'a>(cell: &Cell, figures: &[Figure], rows: impl Iterator<Item = &'a (Cell, Vec<Figure>)>) {
    let (ours, peers): (Vec<&str>, Vec<&str>) =
        figures.iter().map(|figure| figure.name).partition(|name| OURS.contains(name));
    let bases: Vec<&str> =
        ours.iter().copied().filter(|name| ["for_each", "pop_each", "push"].contains(name)).collect();
    print!("\n## {}", cell.group);
    if cell.segment > 0 {
        print!(", segments of {} B", cell.segment);
    }
    println!(", {}, sink: {}\n", cell.temperature, cell.sink);
    println!("Ours in ns a frame; then how many times as fast as each peer ({}).\n", bases.join(" · "));
    println!("| payload | {} | {} |", ours.join(" | "), peers.join(" | "));
    println!("|---:|{}", "---:|".repeat(figures.len()));
    for (cell, figures) in rows {
        print!("| {} |", cell.payload);
        for name in &ours {
            print!(" {:.1} |", nanos(figures, name).unwrap_or(f64::NAN));
        }
        for name in &peers {
            match figures.iter().find(|figure| figure.name == *name).map(|figure| figure.nanos) {
                Some(Ok(theirs)) => {
                    let ratios: Vec<String> = bases
                        .iter()
                        .filter_map(|base| Some(format!("{:.2}", theirs / nanos(figures, base)?)))
                        .collect();
                    print!(" {} |", ratios.join(" · "));
                }
                Some(Err(why)) => print!(" {why} |"),
                None => print!(" |"),
            }
        }
        println!();
    }
}

fn nanos(figures: &[Figure], name: &str) -> Option<f64> {
    figures.iter().find(|figure| figure.name == name)?.nanos.ok()
}

fn is_hot(cell: &Cell) -> bool {
    cell.temperature == Temperature::Hot
}

fn is_cobs(cell: &Cell) -> bool {
    cell.group.starts_with("cobs")
}

fn has(cell: &Cell, payloads: &[usize]) -> bool {
    matches!(cell.payload, Payload::Fixed(len) if payloads.contains(&len))
}
