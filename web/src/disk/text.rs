//! The words of the disk microscope, in English and Korean. Kafka's names of fields are not here: they are the same in both.

use crate::{locale::Locale, text::texts};

texts! {
    /// Tab and heading.
    disk: "Disk", "디스크";
    /// Before a run, or where a lab does not show its disk.
    nothing: "No disk to look at yet. Run the lab, and the broker's files appear here.", "아직 볼 디스크가 없습니다. 실습을 실행하면 브로커의 파일이 여기에 나타납니다.";
    /// The tree's name.
    tree: "Data directory", "데이터 디렉터리";
    /// A file or directory that just appeared.
    new: "new", "새로 생김";
    /// One that just went away.
    gone: "removed", "사라짐";
    /// Plural, after a number.
    files: "files", "개 파일";
    /// Before counts of pages.
    pages: "Pages of 4096 bytes", "4096바이트 페이지";
    /// A page's state.
    cold: "on disk only", "디스크에만 있음";
    /// A page's state.
    clean: "in the page cache, clean", "페이지 캐시에 있음(클린)";
    /// A page's state.
    dirty: "in the page cache, dirty: lost if the power fails", "페이지 캐시에만 있음(더티): 정전되면 잃음";
    /// A disk's fault.
    full: "The disk is full.", "디스크가 가득 찼습니다.";
    /// A disk's fault.
    sync_fails: "fsync fails.", "fsync가 실패합니다.";
    /// A disk's fault; microseconds follow.
    slow: "Every access takes longer, by µs:", "접근마다 더 걸리는 시간(µs):";
    /// Heading of the segments' strips; the partition follows.
    segments: "Segments of", "세그먼트:";
    /// The last segment.
    active: "active", "액티브";
    /// A segment whose files are renamed and wait.
    waits_for_removal: "waits for its removal", "삭제를 기다림";
    /// A flag on the strips.
    log_start: "log start offset", "로그 시작 오프셋";
    /// A flag on the strips.
    recovery_point: "safe from a power failure up to here (recovery point)", "여기까지는 정전에도 안전(복구 지점)";
    /// A flag on the strips.
    log_end: "log end offset", "로그 끝 오프셋";
    /// The view of bytes.
    bytes_of: "Bytes of", "바이트:";
    /// No file is chosen.
    choose: "Choose a file above, or a record on the stage, to see its bytes.", "위에서 파일을 고르거나 무대에서 레코드를 고르면 바이트가 보입니다.";
    /// The file is not there at this moment.
    no_file: "This file is not there at this moment.", "이 시점에는 이 파일이 없습니다.";
    /// The file is empty.
    empty_file: "The file is empty.", "파일이 비어 있습니다.";
    /// The grid's name for screen readers.
    grid: "Bytes, hexadecimal and as text", "바이트(16진수와 글자)";
    /// Help under the grid.
    grid_keys: "Arrows: one byte. Page Up, Page Down: one screen. Home, End: the row; with Ctrl the file. [ and ]: the field before or after. Enter: change the byte.",
        "화살표: 한 바이트. Page Up, Page Down: 한 화면. Home, End: 줄(Ctrl과 함께면 파일). [ 와 ]: 앞이나 뒤 필드. Enter: 바이트 바꾸기.";
    /// The field for a position.
    jump: "Go to byte", "이 바이트로";
    /// Position slider.
    scroll: "Part of the file on screen", "화면에 보이는 파일 부분";
    /// A byte's number follows.
    byte: "byte", "바이트";
    /// The list of fields.
    fields: "What these bytes are", "이 바이트들의 뜻";
    /// A field's length follows.
    no_bytes: "inside compressed data", "압축된 데이터 안";
    /// Damage.
    damaged: "damaged", "손상됨";
    /// Heading of the tools.
    faults: "Do it here, at this moment", "바로 이 시점에 해 보기";
    /// Before the field for a new value.
    edit: "Byte", "바이트";
    /// Between a byte's number and its new value.
    edit_to: "becomes (hex)", "새 값(16진수)";
    /// Button.
    damage: "Damage it here", "여기를 손상시키기";
    /// Why nothing happens.
    same_value: "It has this value already.", "이미 이 값입니다.";
    /// Button.
    crash: "Crash", "프로세스 강제 종료";
    /// Its title.
    crash_how: "The process ends without warning; what it gave to the operating system stays", "프로세스가 갑자기 끝납니다. 운영체제에 넘긴 것은 남습니다";
    /// Button.
    power_loss: "Power loss", "정전";
    /// Its title.
    power_loss_how: "The machine stops; dirty pages are gone", "기계가 멈춥니다. 더티 페이지는 사라집니다";
    /// Button.
    start: "Start again", "다시 시작";
    /// Its title.
    start_how: "The broker starts on the disk as it is, and recovers", "브로커가 지금 디스크 그대로 시작하고 복구합니다";
    /// Button.
    drop_caches: "Empty the page cache", "페이지 캐시 비우기";
    /// Its title.
    drop_caches_how: "What is read next comes from the disk", "다음에 읽는 것은 디스크에서 옵니다";
    /// Heading of the list of what was injected.
    injected: "Injected into this run", "이번 실행에 끼워 넣은 일";
    /// Remove one; what it is follows.
    remove: "Take out", "빼기";
    /// After which event.
    after_event: "after event", "이벤트 뒤:";
    /// A record's bytes.
    see_bytes: "See its bytes", "바이트 보기";
    /// A broker's directory, where there are several.
    broker: "broker", "브로커";
    /// Live page: before the first answer.
    asking: "Asking the broker for its files…", "브로커에 파일 목록을 묻고 있습니다…";
    /// Key help.
    keys_disk: "to the disk", "디스크로 이동";
}
