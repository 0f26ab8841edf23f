//! Charts of every kind from made-up figures, to look at: `cargo run -p plots --example gallery -- DIR`.
//!
//! Writes each as SVG and PNG at 560, 960 and 1,400 px, and a page of all of them, light and dark.

mod charts;

use std::path::Path;

use charts::gallery;
use plots::{Theme, draw, png, svg};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let to = std::env::args().nth(1).ok_or("where to? (a directory)")?;
    std::fs::create_dir_all(&to)?;
    for theme in ["light", "dark"] {
        std::fs::write(Path::new(&to).join(format!("{theme}.html")), page(theme == "dark"))?;
    }
    for chart in gallery() {
        for width in [560, 960, 1400] {
            let svg = svg(&chart, width, Theme::File);
            let stem = format!("{}-{width}", chart.name);
            std::fs::write(Path::new(&to).join(format!("{stem}.svg")), &svg)?;
            std::fs::write(Path::new(&to).join(format!("{stem}.png")), png(&svg, 1.0)?)?;
        }
    }
    Ok(())
}

fn page(dark: bool) -> String {
    let values = if dark {
        "--ink:#E6EDF3;--muted:#9DA7B3;--grid:#2D333B;--axis:#6E7681;--paper:#0D1117;--phase:#161B22;--mark:#6E7681;--bad:#FF7B8A;\
         --h0:#58A6FF;--h1:#F0883E;--h2:#3FB68B;--h3:#DB88BF;--h4:#C7A24A;--h5:#8CCBFF;--h6:#B1BAC4;--h7:#D9C84A;"
            .to_owned()
    } else {
        draw::light_css()
    };
    let css = plots::page_css();
    let charts: String = gallery().iter().map(|chart| svg(chart, 960, Theme::Page)).collect();
    format!(
        "<!doctype html><meta charset=utf-8><style>:root{{{values}}}body{{background:var(--paper);margin:0;width:960px}}\n{css}</style>{charts}"
    )
}
