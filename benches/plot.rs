//! Figures as bars, in a file that a browser shows: `target/benches/<name>.svg`.

use std::error::Error;
use std::path::{Path, PathBuf};

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// Pixels.
const WIDTH: u32 = 900;
const HEIGHT_OF_A_BAR: u32 = 22;
const HEIGHT_OF_THE_REST: u32 = 90;
const WIDTH_OF_NAMES: u32 = 300;

/// One bar: a median and its spread.
pub(crate) struct Bar {
    /// What was measured.
    pub(crate) name: String,
    /// Bars of one group have one colour.
    pub(crate) group: usize,
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Draws bars from left to right, the first one on top, on a logarithmic scale if the longest is a hundred times as long as the shortest.
/// Returns where the file is.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn bars(name: &str, title: &str, unit: &str, bars: &[Bar]) -> Result<PathBuf, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("benches");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.svg"));
    let longest = bars.iter().map(|bar| bar.high).fold(f64::MIN_POSITIVE, f64::max);
    let shortest = bars.iter().map(|bar| bar.median).fold(longest, f64::min);
    if shortest > 0.0 && longest / shortest > 100.0 {
        // A logarithmic axis begins somewhere above nothing: half of the shortest bar, which so stays visible.
        let axis = (shortest / 2.0..longest * 1.1).log_scale();
        draw(&file, title, &format!("{unit}, logarithmic"), bars, shortest / 2.0, axis)?;
    } else {
        draw(&file, title, unit, bars, 0.0, 0.0..longest * 1.05)?;
    }
    Ok(file)
}

fn draw<Axis>(file: &Path, title: &str, unit: &str, bars: &[Bar], begin: f64, axis: Axis) -> Result<(), Box<dyn Error>>
where
    Axis: AsRangedCoord<Value = f64>,
    Axis::CoordDescType: ValueFormatter<f64>,
{
    let count = u32::try_from(bars.len())?;
    let image = SVGBackend::new(file, (WIDTH, HEIGHT_OF_THE_REST + count * HEIGHT_OF_A_BAR)).into_drawing_area();
    image.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&image)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .margin_right(30)
        .x_label_area_size(40)
        .y_label_area_size(WIDTH_OF_NAMES)
        .build_cartesian_2d(axis, (0..bars.len()).into_segmented())?;
    let row = |at: usize| bars.len() - 1 - at;
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(at) if *at < bars.len() => bars[row(*at)].name.clone(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_desc(unit)
        .y_labels(bars.len())
        .y_label_formatter(&name)
        .label_style(("sans-serif", 13))
        .draw()?;
    chart.draw_series(bars.iter().enumerate().map(|(at, bar)| {
        let (bottom, top) = (SegmentValue::Exact(row(at)), SegmentValue::Exact(row(at) + 1));
        let mut bar = Rectangle::new([(begin, bottom), (bar.median, top)], Palette99::pick(bar.group).filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    }))?;
    chart.draw_series(bars.iter().enumerate().map(|(at, bar)| {
        let middle = || SegmentValue::CenterOf(row(at));
        PathElement::new([(bar.low, middle()), (bar.high, middle())], BLACK.stroke_width(2))
    }))?;
    image.present()?;
    Ok(())
}
