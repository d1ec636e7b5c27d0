//! A small line without words, beside a number that it belongs to.

use super::svg::Svg;
use crate::report::{Number, Unit};

/// Units across and down.
const ACROSS: i64 = 1_000;
const DOWN: i64 = 200;

/// Points at most: the newest are drawn.
const POINTS: usize = 120;

/// Draws it; empty for less than two known numbers. Those who do not see it are told `title`.
pub fn spark(title: &str, numbers: &[Number], unit: Unit) -> String {
    let numbers = numbers.get(numbers.len().saturating_sub(POINTS)..).unwrap_or_default();
    let known: Vec<i128> = numbers.iter().flatten().copied().collect();
    if known.len() < 2 {
        return String::new();
    }
    let axis = super::axis::Axis::of(known.iter().copied(), unit, 1);
    let steps = i64::try_from(known.len() - 1).unwrap_or(1).max(1);
    let dots = (0..).zip(&known).map(|(place, number)| {
        let (x, y) = (place * ACROSS / steps, axis.below_top(*number, DOWN));
        format!("{x} {y}")
    });
    let d = format!("M{}", dots.collect::<Vec<_>>().join("L"));
    let mut svg = Svg::default();
    svg.open("svg").attribute("class", "spark").attribute("width", "100%").attribute("height", "24");
    svg.attribute("viewBox", &format!("0 -10 {ACROSS} {}", DOWN + 20)).attribute("preserveAspectRatio", "none");
    svg.attribute("role", "img").open("title").text(title).close();
    svg.open("path").attribute("class", "line now").attribute("d", &d).attribute("fill", "none");
    svg.attribute("stroke", "currentColor").attribute("vector-effect", "non-scaling-stroke").close();
    svg.done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_line_has_a_name_and_no_words() {
        assert_eq!(
            spark("Leads & <more>", &[Some(0), None, Some(10_000), Some(5_000)], Unit::Count),
            "<svg class=\"spark\" width=\"100%\" height=\"24\" viewBox=\"0 -10 1000 220\" preserveAspectRatio=\"none\" \
             role=\"img\"><title>Leads &amp; &lt;more&gt;</title><path class=\"line now\" d=\"M0 200L500 0L1000 100\" \
             fill=\"none\" stroke=\"currentColor\" vector-effect=\"non-scaling-stroke\"/></svg>"
        );
        assert_eq!(spark("Leads", &[Some(1), None], Unit::Count), "");
    }
}
