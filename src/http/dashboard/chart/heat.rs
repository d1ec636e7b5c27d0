//! A heat map: a number in each cell of rows and columns, the more the darker.
//!
//! Five shades of one colour and none for nothing, so that it reads without colour; where there is room each cell has its
//! number, and every cell tells it to a pointer.

use super::{Key, Name, figure, number, svg::Svg};
use crate::report::{Number, Unit, Wording};

/// Rows and columns at most.
const SIDE: usize = 31;

/// Tenths of a pixel: the row of column names, and a row.
const HEAD: i64 = 200;
const ROW: i64 = 280;

/// Ten-thousandths of the width: names of rows.
const NAMES: i64 = 800;
const WIDTH: i64 = 10_000;

/// One thing, as counts have it.
const WHOLE: i128 = 10_000;

/// Shades.
const SHADES: i128 = 5;

/// A heat map.
#[derive(Clone, Debug)]
pub struct Heat<'a> {
    /// What it is called.
    pub name: Name<'a>,
    /// What its numbers count.
    pub unit: Unit,
    /// How numbers are written.
    pub wording: &'a Wording,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows with their names.
    pub rows: Vec<(String, Vec<Number>)>,
}

impl Heat<'_> {
    /// Draws it.
    pub fn draw(&self) -> String {
        let columns = self.columns.get(..SIDE).unwrap_or(&self.columns);
        let rows = self.rows.get(..SIDE).unwrap_or(&self.rows);
        let most = rows.iter().flat_map(|(_, numbers)| numbers).flatten().copied().max().unwrap_or(0);
        let height = (HEAD + i64::try_from(rows.len()).unwrap_or(0) * ROW) / 10;
        figure(&self.name, height, &self.keys(most), |svg| {
            let (count, wide) = (i64::try_from(columns.len()).unwrap_or(0).max(1), WIDTH - NAMES);
            let places: Vec<_> = (0..count).map(|place| NAMES + place * wide / count).collect();
            let width = wide / count - 20;
            for (place, (x, name)) in places.iter().zip(columns).enumerate() {
                svg.open("text").attribute("class", if place % 3 == 0 { "tick" } else { "tick wide" });
                svg.percent("x", x + width / 2).tenths("y", 140).attribute("text-anchor", "middle").text(name).close();
            }
            for (y, (name, numbers)) in (0..).map(|place| HEAD + place * ROW).zip(rows) {
                svg.open("text")
                    .attribute("class", "label")
                    .attribute("x", "0")
                    .tenths("y", y + 180)
                    .text(name)
                    .close();
                for ((x, column), number) in places.iter().zip(columns).zip(numbers) {
                    let title = format!("{name}, {column}: {}", number::full(self.wording, *number, self.unit));
                    self.cell(svg, (*x, y, width), *number, most, &title);
                }
            }
        })
    }

    fn cell(&self, svg: &mut Svg, (x, y, width): (i64, i64, i64), number: Number, most: i128, title: &str) {
        let shade = shade(number, most);
        svg.open("g").attribute("class", &format!("cell h{shade}")).open("title").text(title).close();
        svg.open("rect").percent("x", x).tenths("y", y).percent("width", width).tenths("height", ROW - 20);
        svg.attribute("fill", "currentColor").attribute("fill-opacity", &format!("0.{}", shade * 18)).close();
        if shade > 0
            && let Some(value) = number
        {
            svg.open("text").attribute("class", "wide").percent("x", x + width / 2).tenths("y", y + 175);
            svg.attribute("text-anchor", "middle").text(&number::short(self.wording, value, self.unit)).close();
        }
        svg.close();
    }

    /// What the shades stand for: up to which number.
    fn keys(&self, most: i128) -> Vec<Key> {
        let classes = ["h1", "h2", "h3", "h4", "h5"];
        // Things are whole, unless models share them out.
        let grain = if self.unit == Unit::Count && most >= SHADES * WHOLE { WHOLE } else { 1 };
        let upto = |shade: i128| fifths(most, shade) / grain * grain;
        let keys = classes.into_iter().zip(1..).filter(|_| most > 0);
        let key = |(class, shade)| Key {
            class,
            means: format!("≤ {}", number::full(self.wording, Some(upto(shade)), self.unit)),
        };
        keys.map(key).collect()
    }
}

/// So many fifths of a number.
fn fifths(most: i128, shade: i128) -> i128 {
    most.checked_mul(shade).map_or(most / SHADES * shade, |product| product / SHADES)
}

/// 0 for nothing, else 1 to 5.
fn shade(number: Number, most: i128) -> i128 {
    match number {
        Some(number) if number > 0 && most > 0 => {
            (1..SHADES).find(|shade| number <= fifths(most, *shade)).unwrap_or(SHADES)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::prelude::*;

    fn wording() -> Wording {
        Wording::with_channels(Language::En, [])
    }

    fn heat<'a>(wording: &'a Wording, columns: &[&str], rows: Vec<(String, Vec<Number>)>) -> Heat<'a> {
        Heat {
            name: Name { id: "hours", title: "Hours", description: "Leads by hour." },
            unit: Unit::Count,
            wording,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows,
        }
    }

    #[test]
    fn a_map_is_drawn_whole() {
        let rows = vec![("Mon".to_owned(), vec![Some(0), Some(100_000)]), ("Tue".to_owned(), vec![None, Some(30_000)])];
        assert_eq!(heat(&wording(), &["00", "01"], rows).draw(), include_str!("tests/heat.html").replace('\n', ""));
    }

    #[test]
    fn shades_are_fifths_of_the_most() {
        let shades = [0, 1, 20, 21, 40, 60, 80, 81, 100].map(|number| shade(Some(number), 100));
        assert_eq!((shades, shade(None, 100), shade(Some(5), 0)), ([0, 1, 1, 2, 2, 3, 4, 5, 5], 0, 0));
    }

    proptest! {
        #[test]
        fn any_numbers_are_drawn(rows in prop::collection::vec(prop::collection::vec(any::<Number>(), 0..40), 0..40)) {
            let rows = rows.into_iter().map(|numbers| (String::from("row"), numbers)).collect();
            let drawn = heat(&wording(), &["a", "b", "c"], rows).draw();
            prop_assert_eq!(drawn.matches('<').count(), drawn.matches('>').count());
        }
    }
}
