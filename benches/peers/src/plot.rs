//! One picture per work: a panel for each case, a bar for each peer in each place, with its least and greatest value.
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cell::Place;
use crate::drive::Result;
use crate::report::{Results, Row, number};
use crate::work;

const OURS: RGBColor = RGBColor(31, 111, 235);
const PEER: RGBColor = RGBColor(154, 164, 175);
const BARE: RGBColor = RGBColor(74, 160, 106);
const INK: RGBColor = RGBColor(36, 41, 47);
const WHISKER: RGBColor = RGBColor(87, 96, 106);

const WIDTH: i32 = 960;
/// Where bars begin and, at most, end.
const FROM: i32 = 350;
const TO: i32 = 830;
const BAR: i32 = 20;
const TITLE: i32 = 44;
const TOP: i32 = 70;

/// The most that linear bars can show: beyond, small ones would vanish.
const LINEAR: f64 = 60.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

pub fn draw(results: &Results<'_>, work: &str, path: &Path) -> Result<()> {
    let panels: Vec<(&str, Vec<&Row>)> = results
        .cases(work)
        .into_iter()
        .map(|case| {
            let mut rows = results.table(work, case, Place::Threads);
            rows.extend(results.table(work, case, Place::Processes));
            rows.sort_by(|a, b| {
                if a.bigger { b.median.total_cmp(&a.median) } else { a.median.total_cmp(&b.median) }
            });
            (case, rows)
        })
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let height = TOP + panels.iter().map(|(_, rows)| TITLE + BAR * rows.len() as i32).sum::<i32>() + 10;
    let area = SVGBackend::new(path, (WIDTH as u32, height as u32)).into_drawing_area();
    let fail = |error: &dyn std::fmt::Display| format!("cannot draw {}: {error}", path.display());
    area.fill(&WHITE).map_err(|error| fail(&error))?;
    header(&area, work).map_err(|error| fail(&error))?;
    let mut top = TOP;
    for (case, rows) in panels {
        panel(&area, case, &rows, top).map_err(|error| fail(&error))?;
        top += TITLE + BAR * rows.len() as i32;
    }
    area.present().map_err(|error| fail(&error))?;
    Ok(())
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn text(area: &Area<'_>, words: &str, at: (i32, i32), size: i32, right: bool, colour: RGBColor) -> Drawn {
    let side = if right { HPos::Right } else { HPos::Left };
    let style = ("sans-serif", size).into_font().color(&colour).pos(Pos::new(side, VPos::Center));
    Ok(area.draw(&Text::new(words.to_string(), at, style))?)
}

fn header(area: &Area<'_>, work: &str) -> Drawn {
    text(area, work::title(work), (16, 22), 20, false, INK)?;
    let mut at = 16;
    for (name, colour) in [("ringway", OURS), ("peers", PEER), ("no ring: the machine's limit", BARE)] {
        area.draw(&Rectangle::new([(at, 44), (at + 14, 56)], colour.filled()))?;
        text(area, name, (at + 20, 50), 13, false, INK)?;
        at += 50 + 8 * name.len() as i32;
    }
    text(area, "bar: median, line: least to greatest", (at, 50), 13, false, WHISKER)
}

fn panel(area: &Area<'_>, case: &str, rows: &[&Row], top: i32) -> Drawn {
    let most = rows.iter().map(|row| row.max).fold(0.0, f64::max);
    let positive = rows.iter().map(|row| row.min).filter(|min| *min > 0.0);
    let least = positive.fold(f64::INFINITY, f64::min);
    // Never where long bars are good: they would look less long than they are.
    let logarithmic = rows.iter().all(|row| !row.bigger) && least.is_finite() && most / least > LINEAR;
    let x = |value: f64| {
        let part = if logarithmic {
            // The smallest still has a bar.
            (value.max(least) / (least / 2.0)).ln() / (most / (least / 2.0)).ln()
        } else if most > 0.0 {
            value / most
        } else {
            0.0
        };
        FROM + (part * f64::from(TO - FROM)) as i32
    };
    let (unit, better) = rows.first().map_or(("", ""), |row| {
        (&*row.unit, if row.bigger { "longer is better" } else { "shorter is better" })
    });
    let scale = if logarithmic { ", logarithmic" } else { "" };
    text(area, case, (16, top + 24), 16, false, INK)?;
    text(area, &format!("{unit}{scale}; {better}"), (FROM, top + 24), 13, false, WHISKER)?;
    for (at, row) in rows.iter().enumerate() {
        let y = top + TITLE + BAR * at as i32;
        let (middle, colour) = (y + BAR / 2 - 2, colour(row));
        let ink = if row.is_ours() { OURS } else { INK };
        text(area, &format!("{} ({})", row.peer, row.place), (FROM - 8, middle), 13, true, ink)?;
        area.draw(&Rectangle::new([(FROM, y), (x(row.median).max(FROM + 1), y + BAR - 5)], colour.filled()))?;
        let ends = [(x(row.min), middle), (x(row.max), middle)];
        area.draw(&PathElement::new(ends, WHISKER.stroke_width(1)))?;
        for (x, y) in ends {
            area.draw(&PathElement::new([(x, y - 4), (x, y + 4)], WHISKER.stroke_width(1)))?;
        }
        text(area, &number(row.median), (x(row.max) + 8, middle), 13, false, ink)?;
    }
    Ok(())
}

fn colour(row: &Row) -> RGBColor {
    if row.is_ours() {
        OURS
    } else if row.is_bare() {
        BARE
    } else {
        PEER
    }
}
