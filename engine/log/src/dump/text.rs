//! How values are written for a reader.

use alloc::{
    format,
    string::{String, ToString},
};

/// How much of a key or value a preview shows, in bytes.
const PREVIEW_BYTES: usize = 80;
const DAY_MS: i64 = 86_400_000;

/// Text in quotes, anything else in hexadecimal; the beginning of it if it is long.
pub fn preview(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(PREVIEW_BYTES)];
    let text = match core::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // The cut may have gone through a character.
        Err(error) if error.error_len().is_none() && shown.len() < bytes.len() => {
            core::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let more = if shown.len() < bytes.len() { "…" } else { "" };
    match text {
        Some(text) if !text.chars().any(char::is_control) => format!("\"{text}\"{more}"),
        _ => format!("0x{}{more}", hex(shown)),
    }
}

/// Two digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from(b"0123456789abcdef"[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Milliseconds since 1970, and the date and time they mean, in UTC.
pub fn time(ms: i64) -> String {
    if ms == -1 {
        return "-1 (none)".to_string();
    }
    let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = date(days);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
    format!("{ms} ({year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03} UTC)")
}

/// The Gregorian date so many days after 1970-01-01. Years are counted from March on, in cycles of 400, so that the leap day
/// comes last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (cycle, day_of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (cycle * 400 + year_of_cycle + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "0 (1970-01-01 00:00:00.000 UTC)");
        assert_eq!(time(1_709_210_096_789), "1709210096789 (2024-02-29 12:34:56.789 UTC)");
        assert_eq!(time(-2), "-2 (1969-12-31 23:59:59.998 UTC)");
        assert_eq!(time(-1), "-1 (none)");
        for extreme in [i64::MIN, i64::MAX] {
            assert!(time(extreme).contains("UTC"));
        }
    }

    #[test]
    fn previews_are_short_and_printable() {
        assert_eq!(preview(b"blue"), "\"blue\"");
        assert_eq!(preview(&[0, 255]), "0x00ff");
        assert_eq!(preview(b"two\nlines"), "0x74776f0a6c696e6573");
        let long = "나루".repeat(40);
        assert_eq!(preview(long.as_bytes()), format!("\"{}\"…", "나루".repeat(13)));
        assert!(preview(&[7; 1000]).len() < 200);
    }
}
