//! Which bytes of a file are on screen, and where the keys lead.
//!
//! Files can be long: only the rows on screen are ever asked for.

/// Rows on screen at once.
pub const ROWS: u64 = 16;
/// Bytes of a row where there is room, and on a phone.
pub const WIDE: u64 = 16;
/// Bytes of a row on a phone.
pub const NARROW: u64 = 8;

/// How many bytes fit into a row of so many pixels.
pub fn row_length(width: f64) -> u64 {
    if width >= 452.0 { WIDE } else { NARROW }
}

/// The first byte on screen, so that `cursor` is among them: as it was, if it can stay.
pub fn start_showing(cursor: u64, start: u64, row: u64) -> u64 {
    let start = start / row * row;
    let line = cursor / row * row;
    if line < start {
        line
    } else if line >= start + ROWS * row {
        line - (ROWS - 1) * row
    } else {
        start
    }
}

/// The first byte on screen when one jumps to `cursor`: a little above it, so that what comes before can be seen.
pub fn start_around(cursor: u64, row: u64) -> u64 {
    (cursor / row).saturating_sub(ROWS / 4) * row
}

/// Where a key leads from `cursor` in a file of `length` bytes; `None` if the key means nothing here.
pub fn moved(cursor: u64, key: &str, ctrl: bool, row: u64, length: u64) -> Option<u64> {
    let last = length.saturating_sub(1);
    let line = cursor / row * row;
    let to = match (key, ctrl) {
        ("ArrowLeft", false) => cursor.saturating_sub(1),
        ("ArrowRight", false) => cursor + 1,
        ("ArrowUp", false) => cursor.checked_sub(row).unwrap_or(cursor),
        ("ArrowDown", false) if cursor + row <= last => cursor + row,
        ("ArrowDown", false) => cursor,
        ("PageUp", false) => cursor.saturating_sub(ROWS * row),
        ("PageDown", false) => cursor + ROWS * row,
        ("Home", false) => line,
        ("End", false) => line + row - 1,
        ("Home", true) => 0,
        ("End", true) => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// A position as it is typed: decimal, or hexadecimal with `0x`.
pub fn position_typed(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A byte as it is typed: one or two hexadecimal digits.
pub fn byte_typed(text: &str) -> Option<u8> {
    let text = text.trim().trim_start_matches("0x");
    if text.len() > 2 { None } else { u8::from_str_radix(text, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_inside_the_file() {
        for (key, ctrl, from, to) in [
            ("ArrowLeft", false, 0, 0),
            ("ArrowRight", false, 99, 99),
            ("ArrowUp", false, 5, 5),
            ("ArrowUp", false, 37, 21),
            ("ArrowDown", false, 37, 53),
            ("ArrowDown", false, 97, 97),
            ("PageDown", false, 37, 99),
            ("PageUp", false, 37, 0),
            ("Home", false, 37, 32),
            ("End", false, 37, 47),
            ("End", false, 97, 99),
            ("Home", true, 37, 0),
            ("End", true, 37, 99),
        ] {
            assert_eq!(moved(from, key, ctrl, WIDE, 100), Some(to), "{key} {ctrl} from {from}");
        }
        assert_eq!(moved(0, "x", false, WIDE, 100), None);
        assert_eq!(moved(0, "End", true, WIDE, 0), Some(0));
    }

    #[test]
    fn the_window_follows_the_cursor_and_no_more() {
        assert_eq!(start_showing(40, 0, WIDE), 0);
        assert_eq!(start_showing(256, 0, WIDE), 16);
        assert_eq!(start_showing(15, 32, WIDE), 0);
        assert_eq!(start_showing(40, 12, NARROW), 8);
        assert_eq!(start_around(1_000, WIDE) % WIDE, 0);
        for cursor in [0, 15, 16, 255, 256, 9_999] {
            let start = start_around(cursor, WIDE);
            assert_eq!(start_showing(cursor, start, WIDE), start, "{cursor}");
        }
    }

    #[test]
    fn what_is_typed() {
        assert_eq!((position_typed(" 61"), position_typed("0x3d"), position_typed("3d")), (Some(61), Some(61), None));
        assert_eq!(
            (byte_typed("fF"), byte_typed("7"), byte_typed("100"), byte_typed("")),
            (Some(255), Some(7), None, None)
        );
    }
}
