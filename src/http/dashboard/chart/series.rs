//! A time series: a line over days, weeks or months, and the same of the time that it is compared with.
//!
//! The compared line is dashed. A last day that is not over is a hollow dot at the end of a dotted line. What is not
//! known leaves a gap. Every point tells its numbers to a pointer that rests on it.

use super::{Key, Name, axis::Axis, dashed, figure, number, svg::Svg};
use crate::{
    language::Text,
    report::{Number, Unit, Wording},
};

/// Points at most: the newest are drawn.
pub const POINTS: usize = 400;

/// Units across the plot, which is stretched to any width.
const ACROSS: i64 = 10_000;

/// Tenths of a pixel from the top of the picture to the top of the plot, down the plot, and below it.
const ABOVE: i64 = 180;
const DOWN: i64 = 1_800;
const BELOW: i64 = 240;

/// Labels below the plot at most; every other one is left out on small screens.
const LABELS: usize = 8;

const NOT_OVER: Text = Text { en: "not over yet", ru: "ещё не закончился" };
const BEFORE: Text = Text { en: "before", ru: "до этого" };

/// A line over time.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// What it is called.
    pub name: Name<'a>,
    /// What its numbers count.
    pub unit: Unit,
    /// How numbers are written.
    pub wording: &'a Wording,
    /// The points, as time goes on.
    pub points: Vec<Point>,
    /// What the line shows, for the legend.
    pub now: &'a str,
    /// What the dashed line shows, if the period is compared with another.
    pub before: Option<&'a str>,
    /// Whether the last point is of time that is not over.
    pub is_partial: bool,
}

/// A point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Its day, short, for the axis.
    pub label: String,
    /// Its number.
    pub number: Number,
    /// Its number in the time that it is compared with.
    pub before: Number,
}

impl Series<'_> {
    /// Draws it.
    pub fn draw(&self) -> String {
        let points = self.points.get(self.points.len().saturating_sub(POINTS)..).unwrap_or_default();
        let compared = self.before.is_some();
        let both = points.iter().flat_map(|point| [point.number, point.before.filter(|_| compared)]);
        let axis = Axis::of(both.flatten(), self.unit, 5);
        let mut keys = vec![Key { class: "now", means: self.now.to_owned() }];
        keys.extend(self.before.map(|means| Key { class: "before", means: means.to_owned() }));
        if self.is_partial {
            keys.push(Key { class: "partial", means: NOT_OVER.of(self.wording.language).to_owned() });
        }
        figure(&self.name, (ABOVE + DOWN + BELOW) / 10, &keys, |svg| {
            self.grid(svg, axis);
            self.lines(svg, axis, points);
            self.dots(svg, axis, points);
            labels(svg, points);
            self.hits(svg, points);
        })
    }

    fn grid(&self, svg: &mut Svg, axis: Axis) {
        for tick in axis.ticks() {
            let y = ABOVE + axis.below_top(tick, DOWN);
            svg.open("line").attribute("class", "grid").attribute("x1", "0").attribute("x2", "100%");
            svg.tenths("y1", y).tenths("y2", y).attribute("stroke", "currentColor").close();
            svg.open("text").attribute("class", "tick").attribute("x", "0").tenths("y", y - 30);
            svg.text(&number::short(self.wording, tick, self.unit)).close();
        }
    }

    /// The lines are stretched to the width of the picture, their strokes are not.
    fn lines(&self, svg: &mut Svg, axis: Axis, points: &[Point]) {
        svg.open("svg").attribute("class", "plot").tenths("y", ABOVE).attribute("width", "100%");
        svg.tenths("height", DOWN).attribute("viewBox", &format!("0 0 {ACROSS} {DOWN}"));
        svg.attribute("preserveAspectRatio", "none");
        let whole = points.len().saturating_sub(usize::from(self.is_partial));
        let now: Vec<Number> = points.iter().map(|point| point.number).collect();
        let over = now.get(..whole).unwrap_or_default();
        let area = runs(over, axis, points.len()).into_iter().map(|run| run.area(axis)).collect::<String>();
        path(svg, "area", &area);
        if self.before.is_some() {
            let before: Vec<Number> = points.iter().map(|point| point.before).collect();
            path(svg, "line before", &lines(&before, axis, points.len()));
        }
        path(svg, "line now", &lines(over, axis, points.len()));
        if self.is_partial
            && let Some([last, end]) = now.get(points.len().saturating_sub(2)..)
            && let (Some(last), Some(end)) = (last, end)
        {
            let (from, to) = (across(points.len() - 2, points.len()), across(points.len() - 1, points.len()));
            let (last, end) = (axis.below_top(*last, DOWN), axis.below_top(*end, DOWN));
            path(svg, "line partial", &format!("M{from} {last}L{to} {end}"));
        }
        svg.close();
    }

    /// A number that stands alone has no line, and the last one may be partial.
    fn dots(&self, svg: &mut Svg, axis: Axis, points: &[Point]) {
        let number = |place: Option<usize>| place.and_then(|place| points.get(place)?.number);
        for (place, point) in points.iter().enumerate() {
            let Some(value) = point.number else { continue };
            let is_partial = self.is_partial && place + 1 == points.len();
            let is_alone = number(place.checked_sub(1)).is_none() && number(Some(place + 1)).is_none();
            if is_partial || is_alone {
                svg.open("circle").attribute("class", if is_partial { "dot partial" } else { "dot" });
                svg.percent("cx", across(place, points.len())).tenths("cy", ABOVE + axis.below_top(value, DOWN));
                svg.attribute("r", if is_partial { "4" } else { "3" }).close();
            }
        }
    }

    /// What a pointer touches: the whole height of a point's place.
    fn hits(&self, svg: &mut Svg, points: &[Point]) {
        let count = points.len();
        for (place, point) in points.iter().enumerate() {
            let (from, to) = (edge(place, count), edge(place + 1, count));
            svg.open("rect").attribute("class", "hit").percent("x", from).percent("width", to - from);
            svg.tenths("y", ABOVE).tenths("height", DOWN).attribute("fill", "none");
            let mut told = format!("{}: {}", point.label, number::full(self.wording, point.number, self.unit));
            if self.is_partial && place + 1 == count {
                told.push_str(&format!(" ({})", NOT_OVER.of(self.wording.language)));
            }
            if self.before.is_some() {
                let before = number::full(self.wording, point.before, self.unit);
                told.push_str(&format!("; {}: {before}", BEFORE.of(self.wording.language)));
            }
            svg.open("title").text(&told).close().close();
        }
    }
}

/// Where the place of a point begins, of so many.
fn edge(place: usize, of: usize) -> i64 {
    let part = |number: usize| i64::try_from(number).unwrap_or(0);
    part(place) * ACROSS / part(of).max(1)
}

/// The middle of a point's place.
fn across(place: usize, of: usize) -> i64 {
    i64::midpoint(edge(place, of), edge(place + 1, of))
}

/// Points in a row that are all known.
struct Run {
    dots: Vec<(i64, i64)>,
}

impl Run {
    fn line(&self) -> String {
        let dots: Vec<_> = self.dots.iter().map(|(x, y)| format!("{x} {y}")).collect();
        format!("M{}", dots.join("L"))
    }

    /// From the line down, or up, to zero.
    fn area(&self, axis: Axis) -> String {
        let zero = axis.below_top(0, DOWN);
        match (self.dots.first(), self.dots.last()) {
            (Some((first, _)), Some((last, _))) if first < last => {
                format!("{}L{last} {zero}L{first} {zero}Z", self.line())
            }
            _ => String::new(),
        }
    }
}

fn runs(numbers: &[Number], axis: Axis, of: usize) -> Vec<Run> {
    let mut runs = vec![Run { dots: Vec::new() }];
    for (place, number) in numbers.iter().enumerate() {
        match (number, runs.last_mut()) {
            (Some(number), Some(run)) => run.dots.push((across(place, of), axis.below_top(*number, DOWN))),
            _ => runs.push(Run { dots: Vec::new() }),
        }
    }
    runs.retain(|run| run.dots.len() > 1);
    runs
}

fn lines(numbers: &[Number], axis: Axis, of: usize) -> String {
    runs(numbers, axis, of).iter().map(Run::line).collect()
}

fn path(svg: &mut Svg, class: &str, d: &str) {
    if d.is_empty() {
        return;
    }
    svg.open("path").attribute("class", class).attribute("d", d);
    if class == "area" {
        svg.attribute("fill", "currentColor").attribute("fill-opacity", "0.1");
    } else {
        svg.attribute("vector-effect", "non-scaling-stroke");
        dashed(svg, class.trim_start_matches("line "));
    }
    svg.close();
}

/// Counted from the last point, which always has one.
fn labels(svg: &mut Svg, points: &[Point]) {
    let each = points.len().div_ceil(LABELS).max(1);
    for (place, point) in points.iter().enumerate() {
        let behind = points.len() - 1 - place;
        if !behind.is_multiple_of(each) {
            continue;
        }
        let is_wide = points.len() > LABELS / 2 && !(behind / each).is_multiple_of(2);
        svg.open("text").attribute("class", if is_wide { "tick wide" } else { "tick" });
        let (x, anchor) = match across(place, points.len()) {
            x if x < 500 => (x, "start"),
            x if x > ACROSS - 500 => (x, "end"),
            x => (x, "middle"),
        };
        svg.percent("x", x).tenths("y", ABOVE + DOWN + 160).attribute("text-anchor", anchor).text(&point.label).close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::prelude::*;

    fn point(label: &str, number: Number, before: Number) -> Point {
        Point { label: label.to_owned(), number, before }
    }

    fn wording() -> Wording {
        Wording::with_channels(Language::En, [])
    }

    fn series(wording: &Wording, points: Vec<Point>) -> Series<'_> {
        Series {
            name: Name { id: "leads", title: "Leads", description: "Leads of <each> day." },
            unit: Unit::Count,
            wording,
            points,
            now: "1 to 4 Nov",
            before: Some("28 to 31 Oct"),
            is_partial: true,
        }
    }

    #[test]
    fn a_line_is_drawn_whole() {
        let leads = |number: i128| Some(number * 10_000);
        let points = vec![
            point("1 Nov", leads(2), leads(0)),
            point("2 Nov", leads(4), leads(1)),
            point("3 Nov", leads(3), None),
            point("4 Nov", leads(1), leads(2)),
        ];
        assert_eq!(series(&wording(), points).draw(), include_str!("tests/series.html").replace('\n', ""));
    }

    #[test]
    fn a_line_of_nothing_one_or_much_is_drawn() {
        let drawn = series(&wording(), Vec::new()).draw();
        assert!(!drawn.contains("<path class=\"line") && drawn.ends_with("</figure>"), "{drawn}");
        let alone =
            Series { is_partial: false, before: None, ..series(&wording(), vec![point("1 Nov", Some(0), None)]) }
                .draw();
        let dot = "<circle class=\"dot\" cx=\"50%\" cy=\"198\" r=\"3\"/>";
        assert!(alone.contains(dot) && !alone.contains("before"), "{alone}");
        let many = series(&wording(), (0..1_000).map(|day| point(&day.to_string(), Some(day), None)).collect()).draw();
        assert_eq!(many.matches("class=\"hit\"").count(), POINTS);
        assert_eq!(many.matches("class=\"tick").count() - many.matches("<line").count(), LABELS);
    }

    proptest! {
        #[test]
        fn any_numbers_are_drawn(
            numbers in prop::collection::vec(any::<(Option<i128>, Option<i128>, String)>(), 0..40),
            is_partial: bool, compared: bool, unit in 0_usize..4,
        ) {
            let points = numbers.into_iter().map(|(number, before, label)| Point { label, number, before }).collect();
            let unit = [Unit::Count, Unit::Money, Unit::Percent, Unit::Seconds][unit];
            let (before, wording) = (compared.then_some("before"), wording());
            let drawn = Series { is_partial, unit, before, ..series(&wording, points) }.draw();
            prop_assert_eq!(drawn.matches('<').count(), drawn.matches('>').count());
        }
    }
}
