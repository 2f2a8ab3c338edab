//! Pools before and after a plan.

use damm_planner::{Counts, PoolReport};

use super::table::Table;
use super::text::{Line, Page, Style};

const COLUMNS: [&str; 9] = [
    "Pools",
    ">want",
    ">live",
    ">standby",
    ">reserve",
    ">building",
    ">draining",
    ">leaving",
    ">addresses",
];

/// Writes the pools before and after, and only the columns that say something.
pub fn draw(page: &mut Page, pools: &[PoolReport]) {
    draw_as(page, pools, |pool| pool.after);
}

/// Writes the pools as they are now.
pub fn draw_now(page: &mut Page, pools: &[PoolReport]) {
    draw_as(page, pools, |pool| pool.before);
}

fn draw_as(page: &mut Page, pools: &[PoolReport], then: fn(&PoolReport) -> Counts) {
    if pools.is_empty() {
        return;
    }
    let mut table = Table::new(&COLUMNS);
    for pool in pools {
        let name = Line::plain(format!("  {} {}", pool.region, pool.role));
        let mut cells = vec![name, Line::plain(pool.want.to_string())];
        cells.extend(numbers(&pool.before).iter().zip(numbers(&then(pool))).map(step));
        table.row(cells);
    }
    table.drop_empty_columns();
    page.gap();
    table.draw(page);
}

const fn numbers(c: &Counts) -> [u32; 7] {
    let (live, addresses) = (c.live, c.addresses);
    [live, c.standby, c.reserve, c.building, c.draining, c.leaving, addresses]
}

/// `3`, or `3 → 5` when it changes.
fn step((before, after): (&u32, u32)) -> Line {
    match *before == after {
        true => Line::of(if after == 0 { Style::Dim } else { Style::Plain }, after.to_string()),
        false => Line::of(Style::Dim, format!("{before}→")).put(Style::Bold, after.to_string()),
    }
}
