//! A page as one HTML file that loads nothing.

use std::io::{self, Write};

use super::escape::{markup, script_json};
use super::hash::csp_source;
use super::page::{Finding, Page, Warned};
use super::view::{Budget, PageView};

const PLOTTER: &str = include_str!("../../assets/uplot/uPlot.iife.min.js");
const PLOTTER_STYLE: &str = include_str!("../../assets/uplot/uPlot.min.css");
const PLOTTER_LICENSE: &str = include_str!("../../assets/uplot/LICENSE");
const STYLE: &str = include_str!("../../assets/report/page.css");
/// Parts of one function, in this order.
const SCRIPTS: [&str; 5] = [
    include_str!("../../assets/report/base.js"),
    include_str!("../../assets/report/axis.js"),
    include_str!("../../assets/report/draw.js"),
    include_str!("../../assets/report/plot.js"),
    include_str!("../../assets/report/table.js"),
];

/// Writes the page as one HTML file: no network, no cookies, works from a file system.
///
/// Long lines, traces and tables are thinned so that the file stays below 10 MB; the page says where. The same page
/// gives the same bytes. Writes many small pieces: give it a buffer.
///
/// # Errors
/// What `out` reports.
pub fn write_html(page: &Page, out: &mut impl Write) -> io::Result<()> {
    let (script, style) = (script(), format!("{PLOTTER_STYLE}\n{STYLE}"));
    head(page, &script, &style, out)?;
    masthead(page, out)?;
    out.write_all(b"<main>\n")?;
    findings(&page.findings, out)?;
    warnings(&page.warnings, out)?;
    out.write_all(b"<noscript><p class=\"empty\">Plots and tables need JavaScript.</p></noscript>\n")?;
    out.write_all(b"<div id=\"plots\"></div>\n<div id=\"tables\"></div>\n</main>\n<footer>\n")?;
    for note in &page.notes {
        writeln!(out, "<p>{}</p>", markup(note))?;
    }
    out.write_all(b"</footer>\n<script type=\"application/json\" id=\"data\">")?;
    script_json(out, &PageView::new(page, &Budget::default()))?;
    write!(out, "</script>\n<script>{script}</script>\n</body>\n</html>\n")
}

fn script() -> String {
    let parts = SCRIPTS.concat();
    format!("/*!\nuPlot\n{PLOTTER_LICENSE}*/\n{PLOTTER}\n(() => {{\n\"use strict\";\n{parts}}})();\n")
}

fn head(page: &Page, script: &str, style: &str, out: &mut impl Write) -> io::Result<()> {
    let title = match page.subtitle.as_str() {
        "" => markup(&page.title),
        subtitle => markup(&format!("{} · {subtitle}", page.title)),
    };
    // Only this script and this style run, and nothing can be loaded or sent.
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        csp_source(script),
        csp_source(style)
    );
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )
}

fn masthead(page: &Page, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<header class=\"mast\">\n<div class=\"name\"><h1>{}</h1>", markup(&page.title))?;
    if !page.subtitle.is_empty() {
        writeln!(out, "<p class=\"subtitle\">{}</p>", markup(&page.subtitle))?;
    }
    out.write_all(
        b"</div>\n<button id=\"theme\" type=\"button\" aria-label=\"Switch between light and dark\"></button>\n",
    )?;
    if !page.facts.is_empty() {
        out.write_all(b"<dl class=\"facts\">\n")?;
        for (name, value) in &page.facts {
            writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", markup(name), markup(value))?;
        }
        out.write_all(b"</dl>\n")?;
    }
    out.write_all(b"</header>\n")
}

fn findings(list: &[Finding], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n")?;
    if list.is_empty() {
        return out.write_all(b"<p class=\"empty\">Nothing was found.</p>\n</section>\n");
    }
    out.write_all(b"<ol class=\"findings\">\n")?;
    for finding in list {
        let severity = finding.severity.name();
        write!(out, "<li class=\"{severity}\"><span class=\"badge\">{severity}</span><div><p>")?;
        write!(out, "{}", markup(&finding.text))?;
        if let Some((start, end)) = finding.time.filter(|time| time.0.is_finite() && time.1.is_finite()) {
            let label =
                if start < end { format!("{start:.3}–{end:.3} s") } else { format!("{start:.3} s") };
            write!(out, " <button type=\"button\" class=\"time\" data-start=\"{start}\" data-end=\"{end}\"")?;
            write!(out, " title=\"Show in the plots\">{label}</button>")?;
        }
        out.write_all(b"</p>")?;
        if !finding.detail.is_empty() {
            write!(out, "<p class=\"detail\">{}</p>", markup(&finding.detail))?;
        }
        out.write_all(b"</div></li>\n")?;
    }
    out.write_all(b"</ol>\n</section>\n")
}

fn warnings(list: &[Warned], out: &mut impl Write) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section class=\"warnings\" aria-labelledby=\"warnings\">\n")?;
    writeln!(out, "<h2 id=\"warnings\">Warnings <span class=\"count\">{}</span></h2>\n<ul>", list.len())?;
    for Warned { code, text } in list {
        writeln!(out, "<li><code>{}</code> {}</li>", markup(code), markup(text))?;
    }
    out.write_all(b"</ul>\n</section>\n")
}
