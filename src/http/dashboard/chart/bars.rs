//! Bars from the left: what each channel brought, or how many reach each stage of a funnel.
//!
//! Every bar has its name and its number as text above it. A mark shows what it was in the time that it is compared with.

use super::{Key, Name, figure, number, short, svg::Svg};
use crate::report::{Number, Unit, Wording};

/// Bars at most: the first are drawn.
pub const BARS: usize = 50;

/// Tenths of a pixel: a bar with its text, from its top to the bar, and the bar.
const ROW: i64 = 420;
const TEXT: i64 = 190;
const BAR: i64 = 120;

/// Characters of a name that fit a small screen.
const LONGEST: usize = 24;

/// The whole width, in ten-thousandths.
const WIDTH: i128 = 10_000;

/// Bars.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// What they are called.
    pub name: Name<'a>,
    /// What their numbers count.
    pub unit: Unit,
    /// How numbers are written.
    pub wording: &'a Wording,
    /// The bars, from above.
    pub bars: Vec<Bar>,
    /// What the marks show, if the period is compared with another.
    pub before: Option<&'a str>,
}

/// A bar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Its name, of any length.
    pub label: String,
    /// How long it is.
    pub number: Number,
    /// How long it was.
    pub before: Number,
    /// What is told behind its number.
    pub note: String,
}

impl Bars<'_> {
    /// Draws them.
    pub fn draw(&self) -> String {
        let bars = self.bars.get(..BARS).unwrap_or(&self.bars);
        let compared = self.before.is_some();
        let both = bars.iter().flat_map(|bar| [bar.number, bar.before.filter(|_| compared)]);
        let longest = both.flatten().max().unwrap_or(0).max(1);
        let keys: Vec<_> = self.before.iter().map(|means| Key { class: "mark", means: (*means).to_owned() }).collect();
        let height = i64::try_from(bars.len()).unwrap_or(0) * ROW / 10;
        figure(&self.name, height, &keys, |svg| {
            for (y, bar) in (0..).map(|place| place * ROW).zip(bars) {
                self.bar(svg, y, bar, longest);
            }
        })
    }

    fn bar(&self, svg: &mut Svg, y: i64, bar: &Bar, longest: i128) {
        let number = number::full(self.wording, bar.number, self.unit);
        let value = if bar.note.is_empty() { number } else { format!("{number} · {}", bar.note) };
        svg.open("g").open("title").text(&format!("{}: {value}", bar.label)).close();
        svg.open("text").attribute("class", "label").attribute("x", "0").tenths("y", y + 140);
        svg.text(&short(&bar.label, LONGEST)).close();
        svg.open("text").attribute("class", "value").attribute("x", "100%").tenths("y", y + 140);
        svg.attribute("text-anchor", "end").text(&value).close();
        svg.open("rect").attribute("class", "track").attribute("width", "100%").tenths("y", y + TEXT);
        svg.tenths("height", BAR).attribute("fill", "currentColor").attribute("fill-opacity", "0.08").close();
        svg.open("rect").attribute("class", "bar").percent("width", part(bar.number, longest)).tenths("y", y + TEXT);
        svg.tenths("height", BAR).attribute("fill", "currentColor").close();
        if self.before.is_some() && bar.before.is_some() {
            svg.open("rect").attribute("class", "mark").percent("x", part(bar.before, longest)).attribute("width", "2");
            svg.tenths("y", y + TEXT - 20).tenths("height", BAR + 40).attribute("fill", "currentColor").close();
        }
        svg.close();
    }
}

/// How long a bar is, in ten-thousandths of the longest; what is below zero has none.
fn part(number: Number, longest: i128) -> i64 {
    let number = number.unwrap_or(0).clamp(0, longest);
    let part = number.checked_mul(WIDTH).map_or(number / (longest / WIDTH).max(1), |product| product / longest);
    i64::try_from(part.min(WIDTH)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::prelude::*;

    fn wording() -> Wording {
        Wording::with_channels(Language::Ru, [])
    }

    fn bars(wording: &Wording, bars: Vec<Bar>) -> Bars<'_> {
        Bars {
            name: Name { id: "channels", title: "Channels", description: "Leads of each channel." },
            unit: Unit::Count,
            wording,
            bars,
            before: Some("before"),
        }
    }

    #[test]
    fn bars_are_drawn_whole() {
        let bar =
            |label: &str, number, before, note: &str| Bar { label: label.into(), number, before, note: note.into() };
        let all = vec![
            bar("Щит на М11", Some(80_000), Some(60_000), "80 %"),
            bar("<img src=x onerror=alert(1)> and more", Some(20_000), None, ""),
            bar("none", None, Some(0), ""),
        ];
        assert_eq!(bars(&wording(), all).draw(), include_str!("tests/bars.html").replace('\n', ""));
    }

    proptest! {
        #[test]
        fn any_numbers_are_drawn(all in prop::collection::vec(any::<(Option<i128>, Option<i128>, String)>(), 0..60)) {
            let all = all.into_iter().map(|(number, before, label)| Bar { label, number, before, note: String::new() });
            let drawn = bars(&wording(), all.collect()).draw();
            prop_assert_eq!(drawn.matches('<').count(), drawn.matches('>').count());
            prop_assert!(drawn.matches("class=\"bar\"").count() <= BARS);
        }
    }
}
