//! What lay on a recording's disk at a moment: its files with their pages, and single files byte by byte.

use crate::{html, moment::Moment, recorded::Recordings};
use anyhow::{Context, Result, bail};
use naru_labs::Lab;
use naru_log::dump;
use naru_trace::{FileView, PageState};
use std::fmt::Write;

/// How many bytes a row of the byte view shows before it says `...`.
const ROW_BYTES: usize = 16;

/// `{{#files 05 start until=byte_edited in=orders-0 in=payments-0}}`
pub fn files(recordings: &mut Recordings, lab: &'static Lab, script: &str, options: &[&str]) -> Result<String> {
    let mut options = options.to_vec();
    let moment = Moment::take(&mut options);
    let within: Option<Vec<&str>> = options.iter().map(|option| option.strip_prefix("in=")).collect();
    let within = within.context("options are until=KIND or after=KIND, and in=DIRECTORY, once or more")?;
    let view = moment.view(recordings.of(lab, script)?)?;
    let all = view.disks.values().flat_map(|disk| &disk.files);
    let mut shown: Vec<(&String, &FileView)> = all.filter(|(path, _)| is_within(path, &within)).collect();
    // What lies in no directory comes first: between the others it would seem to be in one.
    shown.sort_by_key(|(path, _)| path.contains('/'));
    if shown.is_empty() {
        bail!("the recording shows no file there: does the lab have disk = true?");
    }
    let mut rows = String::new();
    let mut directory = None;
    for (path, file) in shown {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        if directory != Some(parent) && !parent.is_empty() {
            write!(rows, "<tr class=\"dir\"><th colspan=\"3\" scope=\"rowgroup\">{}/</th></tr>", html::escape(parent))?;
        }
        directory = Some(parent);
        let indent = if parent.is_empty() { "" } else { " class=\"in\"" };
        let (name, pages) = (html::escape(name), pages(file));
        write!(
            rows,
            "<tr><td{indent}><code>{name}</code></td><td class=\"num\">{}</td><td>{pages}</td></tr>",
            file.length
        )?;
    }
    Ok(format!(
        "\n<div class=\"table-wrapper\"><table class=\"naru-files\"><thead><tr><th>file</th><th class=\"num\">bytes</th>\
         <th>pages</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
    ))
}

fn is_within(path: &str, directories: &[&str]) -> bool {
    directories.is_empty() || directories.iter().any(|directory| path.starts_with(&format!("{directory}/")))
}

fn pages(file: &FileView) -> String {
    let states = [(PageState::Dirty, "dirty"), (PageState::Clean, "clean"), (PageState::OnDisk, "on disk only")];
    let words = states.iter().filter_map(|(state, word)| {
        let count = file.count(*state);
        (count > 0).then(|| format!("{count} {word}"))
    });
    words.collect::<Vec<_>>().join(", ")
}

/// `{{#bytes 05 start orders-0/00000000000000000000.log until=byte_edited text=order-6}}`: the outermost part with this text in
/// it, or the whole file.
pub fn bytes(
    recordings: &mut Recordings,
    lab: &'static Lab,
    script: &str,
    path: &str,
    options: &[&str],
) -> Result<String> {
    let mut options = options.to_vec();
    let moment = Moment::take(&mut options);
    let text = match options.as_slice() {
        [] => None,
        [option] => Some(option.strip_prefix("text=").with_context(|| format!("an option is text=, not {option}"))?),
        _ => bail!("options are until=KIND or after=KIND, and text=TEXT"),
    };
    let events = moment.events(recordings.of(lab, script)?)?;
    let file = recordings.file(lab, script, events, path)?;
    let fields = dump::fields(path, &file);
    let (from, to) = match text {
        None => (0, file.len() as u32),
        Some(text) => {
            let found = file.windows(text.len()).position(|window| window == text.as_bytes());
            let at = found.with_context(|| format!("{path} does not hold {text}"))? as u32;
            let part = fields.iter().find(|field| field.depth == 0 && field.holds(at));
            part.map(|part| (part.start, part.end())).context("every byte is a part of something")?
        }
    };
    let leaves = fields.iter().enumerate().filter(|(index, field)| {
        let holds_more = fields.get(index + 1).is_some_and(|next| next.depth > field.depth);
        field.length > 0 && !holds_more && (from..to).contains(&field.start)
    });
    let mut rows = String::new();
    for (_, field) in leaves {
        let bytes = &file[field.start as usize..field.end() as usize];
        let mut hex: Vec<String> = bytes.iter().take(ROW_BYTES).map(|byte| format!("{byte:02x}")).collect();
        if bytes.len() > ROW_BYTES {
            hex.push("…".into());
        }
        let (hex, value) = (hex.join(" "), html::escape(&field.value));
        let name = html::escape(field.name);
        let wrong = field.error.map_or(String::new(), |error| format!(" <strong>{}</strong>", html::escape(error)));
        write!(
            rows,
            "<tr><td class=\"num\">{}</td><td><code>{hex}</code></td><td>{name}</td><td>{value}{wrong}</td></tr>",
            field.start
        )?;
    }
    let path = html::escape(path);
    Ok(format!(
        "\n<div class=\"table-wrapper\"><table class=\"naru-bytes\"><caption><code>{path}</code></caption><thead><tr>\
         <th class=\"num\">at</th><th>bytes</th><th>field</th><th>says</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
    ))
}
