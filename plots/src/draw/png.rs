//! From an SVG of ours to pixels, with the embedded font and no other.

use std::sync::Arc;

use png::{BitDepth, ColorType, DeflateCompression, EncodingError, Filter};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb};

use super::text::{FONTS, drawable};

/// Neither side of a picture may be longer: 8192 × 8192 px are 256 MiB while they are drawn.
pub const PNG_SIDE_PX_MAX: u32 = 8192;

/// How hard a picture is compressed, of 9: more takes longer and saves little.
const COMPRESSION_LEVEL: u8 = 3;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// It is none of ours.
    #[error("could not read the SVG: {0}")]
    Svg(#[from] usvg::Error),
    /// It would be too large, or have no size.
    #[error(
        "a picture of {width:.0} × {height:.0} px: sides must be between 1 and {PNG_SIDE_PX_MAX} px (choose another scale)"
    )]
    Size {
        /// In px.
        width: f32,
        /// In px.
        height: f32,
    },
    /// It could not be compressed.
    #[error("could not write the PNG: {0}")]
    Encoding(#[from] EncodingError),
}

/// Draws an SVG of [`Theme::File`](super::Theme::File) `scale` times as large as it says. Characters that the embedded
/// font lacks become boxes, and what is see-through becomes white.
///
/// # Errors
/// When it is not SVG, or the picture would be larger than [`PNG_SIDE_PX_MAX`].
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let tree = Tree::from_str(&drawable(svg), &options())?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    let fits = |side: f32| side >= 1.0 && side <= PNG_SIDE_PX_MAX as f32;
    if !fits(width) || !fits(height) {
        return Err(PngError::Size { width, height });
    }
    let mut pixels =
        Pixmap::new(width.round() as u32, height.round() as u32).ok_or(PngError::Size { width, height })?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    Ok(encoded(&pixels)?)
}

/// Charts are areas of one colour: without filters and with little searching they take half the time of a PNG's usual
/// ways, and no more bytes. On white nothing is see-through, so that three of the four channels say it all.
fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let colours: Vec<u8> =
        pixels.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixels.width(), pixels.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_deflate_compression(DeflateCompression::Level(COMPRESSION_LEVEL));
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&colours)?;
    writer.finish()?;
    Ok(out)
}

pub(super) fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("Inter");
    Options { font_family: "Inter".to_owned(), fontdb: Arc::new(fonts), ..Options::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="40">"#;

    fn inked(svg: &str) -> usize {
        let pixels = Pixmap::decode_png(&png(svg, 2.0).unwrap()).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (200, 80));
        pixels.pixels().iter().filter(|pixel| pixel.green() < 128).count()
    }

    #[test]
    fn text_is_drawn_with_no_font_of_the_system() {
        let with = |words: &str, more: &str| {
            inked(&format!(
                r#"{OPEN}<text y="20" font-family="Inter, sans-serif" font-size="16"{more}>{words}</text></svg>"#
            ))
        };
        assert_eq!(with("", ""), 0);
        let regular = with("p99 ≤ 5 µs", "");
        assert!(regular > 200, "{regular}");
        assert!(with("p99 ≤ 5 µs", r#" font-weight="700""#) > regular, "bold is bolder");
        for glyph in "aZ09µ×−±≥≤…·σΔ≈%‰→←↑↓–“ü".chars() {
            assert!(with(&glyph.to_string(), "") > 5, "{glyph}");
        }
    }

    /// A label in Japanese, Russian or Arabic was not there at all.
    #[test]
    fn what_the_font_lacks_is_a_box_and_not_nothing() {
        let with = |words: &str| {
            let text = r#"<text y="20" font-family="Inter" font-size="16""#;
            inked(&format!(
                "{OPEN}{text}>{words}</text>{text} font-weight=\"700\" x=\"60\">{words}</text></svg>"
            ))
        };
        let one = with("□");
        assert!(one > 40, "{one}");
        for strangers in ["日", "م", "😀"] {
            assert_eq!(with(strangers), one, "{strangers}");
            assert!(with(&format!("a{strangers}")) > one, "{strangers}");
        }
        assert_eq!(drawable("日本 a"), "□□ a");
        for known in ["Привет", "Ελλάδα", "Łódź", "Їжак"] {
            assert_eq!(drawable(known), known);
            assert!(with(known) > one, "{known}");
        }
    }

    #[test]
    fn words_are_as_wide_as_they_were_measured() {
        use super::super::text::Face;
        for (bold, weight) in [(false, 400), (true, 700)] {
            let words = "How many connections, and AVAToWe 1,024 KiB?";
            let svg = format!(
                r#"{OPEN}<text y="20" font-family="Inter" font-size="12" font-weight="{weight}">{words}</text></svg>"#
            );
            let tree = Tree::from_str(&svg, &options()).unwrap();
            let drawn = f64::from(tree.root().abs_bounding_box().right());
            let measured = Face { px: 12.0, bold }.width(words);
            assert!(drawn <= measured && drawn > measured * 0.93, "{drawn} {measured}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let svg = format!("{OPEN}</svg>");
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1000.0, 1e-9] {
            assert!(matches!(png(&svg, scale), Err(PngError::Size { .. })), "{scale}");
        }
        assert!(matches!(png("not markup", 1.0), Err(PngError::Svg(_))));
        let said = png(&svg, 1000.0).unwrap_err().to_string();
        assert!(said.contains("100000 × 40000") && said.contains("8192"), "{said}");
    }
}
