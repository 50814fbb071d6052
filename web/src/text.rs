//! Every word of the visualizer itself, in English and Korean.
//!
//! A plain table of functions: the compiler refuses a sentence without its translation, and nothing is downloaded or parsed.
//! The words of labs (titles, goals, hints) and the sentences about events are not here: they come from `naru_labs`.

use crate::locale::Locale;

/// One text in both languages.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $en:literal, $ko:literal;)*) => {
        $($(#[$doc])*
        pub fn $name(locale: Locale) -> &'static str {
            match locale { Locale::En => $en, Locale::Ko => $ko }
        })*
        /// Every text, for the test that no translation was forgotten.
        #[cfg(test)]
        pub const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $ko)),*];
    };
}

pub(crate) use texts;

texts! {
    /// Button: runs the script.
    run: "Run", "실행";
    /// Button while the script runs.
    cancel: "Stop", "중지";
    /// Beside the button while the script runs.
    running: "The simulation runs…", "시뮬레이션을 실행하고 있습니다…";
    /// Button: copies the permalink.
    share: "Share", "공유";
    /// After the permalink was copied.
    shared: "Link copied", "링크를 복사했습니다";
    /// The other language's name, in that language.
    other_language: "한국어", "English";
    /// Title of the language button.
    language_title: "Show everything in Korean", "모든 글을 영어로 보기";
    /// Button: light or dark.
    theme: "Theme", "테마";
    /// Title of the theme button.
    theme_title: "Light or dark", "밝게 또는 어둡게";
    /// Button: the list of keys.
    help: "Keys", "단축키";
    /// Word before the number of a lab.
    lab: "Lab", "실습";
    /// Word before note rows.
    rows: "rows", "노트";
    /// Word before the seed.
    seed: "seed", "시드";
    /// Title of the field for the seed.
    seed_title: "Same seed, same script: the very same run", "시드와 스크립트가 같으면 실행 결과도 똑같습니다";
    /// Guide, step 1.
    guide_predict: "Predict", "예측하기";
    /// Guide, step 1, what to do.
    guide_predict_how: "say what you expect", "어떻게 될지 고르세요";
    /// Guide, step 2.
    guide_run: "Run", "실행하기";
    /// Guide, step 2, what to do.
    guide_run_how: "the script, as it is", "스크립트를 그대로 돌려 보세요";
    /// Guide, step 3.
    guide_watch: "Watch", "관찰하기";
    /// Guide, step 3, what to do.
    guide_watch_how: "play, step, ask why", "재생하고, 한 단계씩 보고, 이유를 물으세요";
    /// Guide, step 4.
    guide_repair: "Repair", "고치기";
    /// Guide, step 4, what to do.
    guide_repair_how: "until every goal is met", "목표를 모두 이룰 때까지 고치세요";
    /// Guide when everything is done.
    guide_done: "All goals met", "모든 목표를 이뤘습니다";
    /// Heading of the stage, for screen readers.
    stage: "Cluster", "클러스터";
    /// Toggle: the stage as tables.
    as_text: "As text", "글로 보기";
    /// Toggle back.
    as_picture: "As picture", "그림으로 보기";
    /// On an empty stage, in a lab.
    stage_empty: "Nothing has run yet. Pick your prediction, then press Run.", "아직 실행하지 않았습니다. 예측을 고른 다음 실행을 누르세요.";
    /// Row label.
    clients: "clients", "클라이언트";
    /// Row label.
    producers: "producers", "프로듀서";
    /// Row label.
    consumers: "consumers", "컨슈머";
    /// A role.
    producer: "producer", "프로듀서";
    /// A role.
    consumer: "consumer", "컨슈머";
    /// A role.
    admin: "admin", "관리 클라이언트";
    /// A client that we know only by its connection.
    connection: "connection", "연결";
    /// A node.
    broker: "broker", "브로커";
    /// A broker's state.
    state_running: "running", "실행 중";
    /// A broker's state.
    state_stopped: "stopped", "정상 종료됨";
    /// A broker's state.
    state_crashed: "crashed", "비정상 종료됨";
    /// A broker's state: its process is suspended.
    state_paused: "suspended", "멈춰 있음";
    /// A broker's state: it is not a member of its cluster yet.
    state_joining: "joining", "합류 중";
    /// The mark of the broker that leads the quorum.
    controller: "controller", "컨트롤러";
    /// A replica that is not in sync.
    out_of_sync: "out of sync", "동기화 안 됨";
    /// Legend.
    legend_out: "copy that is out of sync", "동기화되지 않은 복제본";
    /// Legend.
    legend_epoch: "another leader begins (epoch)", "다른 리더의 시작(에포크)";
    /// Word before a port.
    port: "port", "포트";
    /// A broker without topics.
    no_topics: "no topics yet", "아직 토픽이 없습니다";
    /// A replica's part.
    leader: "leader", "리더";
    /// A replica's part.
    follower: "follower", "팔로워";
    /// A partition whose storage failed.
    offline: "offline", "오프라인";
    /// Word before the leader epoch.
    epoch: "epoch", "에포크";
    /// Word before the log end offset, short.
    end: "end", "끝";
    /// Word before the log start offset, short.
    start: "start", "시작";
    /// Full name.
    log_end_offset: "log end offset", "로그 끝 오프셋";
    /// Full name.
    log_start_offset: "log start offset", "로그 시작 오프셋";
    /// Full name.
    high_watermark: "high watermark", "하이 워터마크";
    /// Word in a pill.
    waits_for: "waits:", "대기:";
    /// What a parked answer waits for.
    waits_disk: "the disk", "디스크";
    /// A broker passed the request on.
    waits_controller: "the controller", "컨트롤러";
    /// A node fetches the metadata log.
    waits_quorum: "the quorum", "쿼럼";
    /// A producer's records under way.
    waiting: "waiting", "대기 중";
    /// A producer's records.
    acknowledged: "acknowledged", "응답 받음";
    /// A producer's records.
    failed: "failed", "실패";
    /// A consumer's records.
    delivered: "read", "읽음";
    /// A client that is gone.
    closed: "closed", "닫힘";
    /// Legend.
    legend_leader: "record (colour: its key)", "레코드(색은 키)";
    /// Legend.
    legend_no_key: "record without a key", "키 없는 레코드";
    /// Legend.
    legend_follower: "on a follower", "팔로워에 있는 레코드";
    /// Legend.
    legend_end: "log end: the next record goes here", "로그 끝: 다음 레코드가 들어갈 자리";
    /// Legend.
    legend_hw: "high watermark", "하이 워터마크";
    /// Legend.
    legend_unread: "not readable yet", "아직 읽을 수 없음";
    /// Legend.
    legend_position: "a consumer reads here next", "컨슈머가 다음에 읽을 자리";
    /// Legend.
    legend_batch: "sent as one batch", "한 배치로 보냄";
    /// Legend.
    legend_stopped: "not running", "실행 중이 아님";
    /// Legend: keys.
    legend_keys: "keys", "키";
    /// Inspect panel.
    record: "Record", "레코드";
    /// Inspect panel.
    offset: "offset", "오프셋";
    /// Inspect panel.
    key: "key", "키";
    /// Inspect panel.
    value: "value", "값";
    /// Inspect panel.
    timestamp: "timestamp", "타임스탬프";
    /// Inspect panel.
    batch: "batch", "레코드 배치";
    /// Inspect panel: the batch's first offset follows.
    batch_from: "begins at offset", "시작 오프셋";
    /// Inspect panel: no key or value.
    null: "none (null)", "없음(null)";
    /// Inspect panel.
    bytes: "bytes", "바이트";
    /// Close a panel.
    close: "Close", "닫기";
    /// Timeline.
    timeline: "Timeline", "타임라인";
    /// Timeline button.
    play: "play", "재생";
    /// Timeline button.
    pause: "pause", "일시 정지";
    /// Timeline button's title.
    step_forward: "One event forward", "이벤트 하나 앞으로";
    /// Timeline button's title.
    step_back: "One event back", "이벤트 하나 뒤로";
    /// Timeline button's title.
    next_headline: "To the next headline event", "다음 주요 이벤트로";
    /// Timeline button's title.
    previous_headline: "To the headline event before", "이전 주요 이벤트로";
    /// Timeline.
    speed: "Speed", "속도";
    /// Timeline, after "event 3".
    of_events: "of", "/";
    /// Timeline.
    event: "event", "이벤트";
    /// Timeline, the scrubber's name.
    scrubber: "Event on screen", "화면에 보이는 이벤트";
    /// Event list.
    what_happened: "What happened", "무슨 일이 있었나";
    /// Event filter.
    filter_headline: "headlines", "주요";
    /// Event filter.
    filter_all: "all", "모두";
    /// Event list: button.
    why: "why?", "왜?";
    /// Event list: heading of the causal chain.
    why_heading: "Why did this happen? The first cause comes first.", "왜 이런 일이 일어났나? 처음 원인부터 보여 줍니다.";
    /// Event list before a run.
    events_empty: "After a run, every step stands here as a sentence.", "실행하고 나면 모든 단계가 문장으로 여기에 나옵니다.";
    /// Event list: more.
    earlier: "earlier", "더 앞의 이벤트";
    /// Event list: more.
    later: "later", "더 뒤의 이벤트";
    /// Goals.
    goals: "Goals", "목표";
    /// A goal's state.
    met: "met", "달성";
    /// A goal's state.
    unmet: "not met", "미달성";
    /// A goal's state before a run.
    open: "open", "실행 전";
    /// Goals.
    hint: "Hint", "힌트";
    /// Predictions before the run.
    predict_first: "Predict before you run", "실행하기 전에 예측해 보세요";
    /// Predictions after the run.
    predicted: "Your prediction", "나의 예측";
    /// After a run, a choice that was picked and right.
    right: "right", "맞음";
    /// After a run, a choice that was picked and wrong.
    wrong: "not so", "틀림";
    /// After a run without a prediction.
    not_predicted: "You made no prediction; ✓ is what happened.", "예측하지 않았습니다. ✓가 실제 결과입니다.";
    /// After a run that does not answer the question.
    not_measured: "This run does not tell yet. Repair the script, and it will.", "이번 실행만으로는 알 수 없습니다. 스크립트를 고치면 알 수 있습니다.";
    /// After a run: predictions are frozen until the script is reset.
    why_predict: "A guess that turns out wrong is remembered best.", "틀린 예측이 가장 오래 기억에 남습니다.";
    /// Code.
    code: "Code", "코드";
    /// Tab.
    script_tab: "Lab script", "실습 스크립트";
    /// Tab.
    engine_tab: "Engine", "엔진";
    /// Button.
    reset: "Reset script", "스크립트 되돌리기";
    /// Editor's name.
    editor: "Lab script editor", "실습 스크립트 편집기";
    /// Button beside the editor, once the script is not the one that was run.
    run_again: "Run again", "다시 실행";
    /// Output.
    printed: "Printed", "출력";
    /// Output.
    printed_nothing: "nothing", "없음";
    /// Engine tab before a run.
    engine_empty: "The engine's own source appears here: the very line that made the event on screen.", "화면에 보이는 이벤트를 만든 엔진 소스의 바로 그 줄이 여기에 나옵니다.";
    /// Engine tab when the source of a file is missing.
    engine_missing: "This file's source is not in the download.", "내려받은 소스에 이 파일이 없습니다.";
    /// Engine tab while loading.
    loading: "Loading…", "불러오는 중…";
    /// An error of the script.
    line: "Line", "줄";
    /// The simulation could not be started.
    worker_failed: "The simulation stopped with an internal error. Your script is kept; please run again.", "시뮬레이션이 내부 오류로 멈췄습니다. 스크립트는 그대로 있으니 다시 실행하세요.";
    /// A stopped run.
    cancelled: "Stopped. Your script is kept.", "중지했습니다. 스크립트는 그대로 있습니다.";
    /// Chart.
    chart: "Records over time", "시간에 따른 레코드 수";
    /// Chart.
    chart_appended: "appended", "추가됨";
    /// Chart.
    chart_delivered: "read", "읽음";
    /// Table.
    partition: "partition", "파티션";
    /// Table.
    state: "state", "상태";
    /// Table.
    records: "records", "레코드";
    /// Table.
    position: "position", "위치";
    /// Table.
    name: "name", "이름";
    /// Table.
    role: "role", "역할";
    /// Table.
    on_the_way: "messages on their way", "전달 중인 메시지";
    /// Help: heading.
    keys_heading: "Keys, while the focus is inside the lab and not in the editor", "단축키(편집기 밖, 실습 안에 포커스가 있을 때)";
    /// Help.
    keys_play: "play or pause", "재생 또는 일시 정지";
    /// Help.
    keys_step: "one event back or forward", "이벤트 하나 뒤로 또는 앞으로";
    /// Help.
    keys_headline: "headline event before or after", "이전 또는 다음 주요 이벤트";
    /// Help.
    keys_ends: "first or last event", "처음 또는 마지막 이벤트";
    /// Help.
    keys_run: "run (in the editor: Ctrl+Enter)", "실행(편집기에서는 Ctrl+Enter)";
    /// Help.
    keys_editor: "to the editor; Esc leaves it", "편집기로 이동, Esc로 나오기";
    /// Help.
    keys_text: "picture or text", "그림 또는 글";
    /// Help.
    keys_help: "this list", "이 목록";
    /// Live page.
    live_title: "Live broker", "실시간 브로커";
    /// Live page.
    live_connected: "connected", "연결됨";
    /// Live page.
    live_lost: "The stream broke off; trying again…", "스트림이 끊겼습니다. 다시 연결하고 있습니다…";
    /// Live page: events came that this page cannot read.
    live_foreign: "The broker sends events that this page cannot read: the two are of different versions. Build and start again.", "브로커가 보낸 이벤트를 이 페이지가 읽을 수 없습니다. 둘의 버전이 다릅니다. 다시 빌드하고 시작하세요.";
    /// Live page.
    live_waiting: "Connecting to the broker…", "브로커에 연결하고 있습니다…";
    /// Live page, empty.
    live_empty: "Nothing yet. Send something with any Kafka client; what the broker does appears here.", "아직 아무 일도 없습니다. 아무 카프카 클라이언트로 레코드를 보내 보세요. 브로커가 하는 일이 여기에 나타납니다.";
    /// Live page, first command.
    live_try_send: "send two records", "레코드 두 개 보내기";
    /// Live page, second command.
    live_try_read: "read them", "읽기";
    /// Live page.
    live_pause: "Freeze", "멈추기";
    /// Live page.
    live_resume: "Go on", "계속하기";
    /// Live page.
    live_latest: "events since this page was opened", "이 페이지를 연 뒤의 이벤트";
    /// Stage: shows other partitions.
    which_partition: "Partition", "파티션";
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_text_is_translated() {
        for (name, en, ko) in super::ALL.iter().chain(crate::disk::text::ALL) {
            assert!(!en.is_empty() && !ko.is_empty(), "{name} is empty in one language");
            let same_on_purpose = *name == "other_language" || *name == "of_events";
            assert!(same_on_purpose || !ko.is_ascii(), "{name} is not Korean: {ko}");
        }
    }
}
