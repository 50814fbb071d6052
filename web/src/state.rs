//! What a lab on the page knows, as signals: what the reader chose, the last run, and the moment on screen.
//!
//! Panels read signals and call the methods here; they never talk to the Worker or to each other. How a moment follows the
//! other while a run plays is in [`crate::playback`].

use crate::{
    dom,
    link::Link,
    locale::{self, Locale},
    protocol::{Answer, Question, Ran, Shot},
    remote::Remote,
    stage::keys::KeyOrder,
    text,
};
use leptos::prelude::*;
use naru_labs::{EventRow, Importance, InjectedAction, Lab, RunRequest};
use naru_trace::ClusterView;
use naru_trace::SortedMap;
use std::sync::Arc;
use wasm_bindgen::JsValue;

/// Something the screen says, in either language.
pub type Words = fn(Locale) -> &'static str;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has run yet.
    Fresh,
    /// The Worker runs the script.
    Running,
    /// There is a recording.
    Done,
}

/// Which tab of the code panel is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// The learner's script.
    Script,
    /// The engine's source.
    Engine,
    /// The disk microscope.
    Disk,
}

/// One lab on the page.
#[derive(Clone, Copy)]
pub struct LabState {
    /// The lab.
    pub lab: &'static Lab,
    /// What the element passed: addresses, functions.
    options: StoredValue<JsValue, LocalStorage>,
    remote: StoredValue<Option<Remote>, LocalStorage>,
    /// The language.
    pub locale: RwSignal<Locale>,
    /// The script in the editor.
    pub script: RwSignal<String>,
    /// The seed in its field.
    pub seed: RwSignal<u64>,
    /// The choices made, by prediction.
    pub picks: RwSignal<SortedMap<String, String>>,
    /// What was done by hand: part of the next run, and of the permalink.
    pub actions: RwSignal<Vec<InjectedAction>>,
    /// Where the run is.
    pub phase: RwSignal<Phase>,
    /// A sentence for the reader that is not about an event: a failure, a cancelled run.
    pub notice: RwSignal<Option<Words>>,
    /// The last run.
    pub ran: RwSignal<Option<Arc<Ran>>>,
    /// The script that made the last run.
    pub ran_script: RwSignal<String>,
    /// The cluster on screen.
    pub view: RwSignal<Arc<ClusterView>>,
    /// What else is known of the moment on screen: its sentence, its lines. The view in it was moved to `view`.
    pub shot: RwSignal<Option<Arc<Shot>>>,
    /// The index of the picture wanted; the one on screen may be a few milliseconds behind.
    pub index: RwSignal<usize>,
    /// Whether a picture has been asked for and has not come yet.
    asked: StoredValue<bool>,
    /// The time on screen in microseconds; between two events while messages fly.
    pub clock: RwSignal<f64>,
    /// Whether it plays.
    pub playing: RwSignal<bool>,
    /// How fast.
    pub speed: RwSignal<f64>,
    /// Which tab is open.
    pub tab: RwSignal<Tab>,
    /// Whether the stage is shown as text.
    pub as_text: RwSignal<bool>,
    /// Whether the list of keys is open.
    pub help: RwSignal<bool>,
    /// The engine's sources, once they were asked for.
    pub sources: RwSignal<Option<Arc<SortedMap<String, String>>>>,
    sources_asked: StoredValue<bool>,
    /// The causal chain that is open.
    pub chain: RwSignal<Option<Arc<Vec<EventRow>>>>,
}

impl LabState {
    /// A lab as it looks before anything was done.
    pub fn new(lab: &'static Lab, options: JsValue) -> Self {
        let link = Link::parse(&dom::option_text(&options, "fragment"));
        let state = LabState {
            lab,
            locale: RwSignal::new(locale::of_tag(&dom::option_text(&options, "lang"))),
            options: StoredValue::new_local(options),
            remote: StoredValue::new_local(None),
            script: RwSignal::new(link.script.unwrap_or_else(|| lab.start.clone())),
            seed: RwSignal::new(link.seed.unwrap_or(lab.seed)),
            picks: RwSignal::default(),
            actions: RwSignal::new(link.actions),
            phase: RwSignal::new(Phase::Fresh),
            notice: RwSignal::new(None),
            ran: RwSignal::new(None),
            ran_script: RwSignal::default(),
            view: RwSignal::default(),
            shot: RwSignal::new(None),
            index: RwSignal::new(0),
            asked: StoredValue::new(false),
            clock: RwSignal::new(0.0),
            playing: RwSignal::new(false),
            speed: RwSignal::new(1.0),
            tab: RwSignal::new(Tab::Script),
            as_text: RwSignal::new(false),
            help: RwSignal::new(false),
            sources: RwSignal::new(None),
            sources_asked: StoredValue::new(false),
            chain: RwSignal::new(None),
        };
        state.follow_language();
        state
    }

    /// A text of the element's options.
    pub fn option(&self, name: &str) -> String {
        self.options.with_value(|options| dom::option_text(options, name))
    }

    /// A function of the element's options.
    pub fn option_function(&self, name: &str) -> Option<js_sys::Function> {
        self.options.with_value(|options| dom::option_function(options, name))
    }

    /// How many events the last run has.
    pub fn total(&self) -> usize {
        self.ran.with(|ran| ran.as_ref().map_or(0, |ran| ran.times.len()))
    }

    /// The order of keys, for colours.
    pub fn keys(&self) -> KeyOrder {
        self.ran.with(|ran| KeyOrder::new(ran.as_ref().map(|ran| ran.keys.clone()).unwrap_or_default()))
    }

    /// Whether the script on screen is not the one that was run.
    pub fn is_edited(&self) -> bool {
        self.phase.get() == Phase::Done && self.ran_script.with(|ran| self.script.with(|script| ran != script))
    }

    /// Runs the script. Playing begins at the first event.
    pub fn run(self) {
        self.run_and_land(None);
    }

    /// Runs the script; with `land`, shows what was done by hand after that event, and does not play.
    pub fn run_and_land(self, land: Option<u64>) {
        if self.phase.get_untracked() == Phase::Running {
            return;
        }
        let request = RunRequest {
            lab: self.lab.number.clone(),
            script: self.script.get_untracked(),
            seed: Some(self.seed.get_untracked()),
            predictions: self.picks.get_untracked(),
            actions: self.actions.get_untracked(),
            ..RunRequest::default()
        };
        self.ran_script.set(request.script.clone());
        self.notice.set(None);
        self.chain.set(None);
        self.playing.set(false);
        self.phase.set(Phase::Running);
        self.ask(Question::Run(Box::new(request)), move |answer| {
            if let Answer::Ran(ran) = answer {
                self.on_ran(*ran, land);
            }
        });
        self.load_sources();
    }

    fn on_ran(self, ran: Ran, land: Option<u64>) {
        let failed = ran.summary.error.is_some();
        let last = ran.times.len();
        self.ran.set(Some(Arc::new(ran)));
        self.phase.set(Phase::Done);
        self.asked.set_value(false);
        if let Some(seq) = land {
            return self.show(self.landing(seq));
        }
        self.show(if failed { last } else { 0 });
        if !failed {
            self.play();
        }
    }

    /// Stops the run by ending the Worker.
    pub fn cancel(self) {
        self.end_worker(text::cancelled);
    }

    fn end_worker(self, notice: fn(Locale) -> &'static str) {
        self.remote.update_value(|remote| {
            if let Some(remote) = remote {
                remote.end();
            }
        });
        // The recording went with the Worker; the picture on screen may stay, but there is nothing left to step through.
        self.asked.set_value(false);
        self.playing.set(false);
        self.ran.set(None);
        self.shot.set(None);
        self.view.set(Arc::default());
        self.index.set(0);
        self.phase.set(Phase::Fresh);
        self.notice.set(Some(notice));
    }

    /// Puts the lab's own script and seed back. Predictions can be made anew.
    pub fn reset(self) {
        self.script.set(self.lab.start.clone());
        self.seed.set(self.lab.seed);
        self.actions.update(Vec::clear);
    }

    /// Shows the picture after `index` events.
    pub fn show(self, index: usize) {
        let index = index.min(self.total_untracked());
        self.index.set(index);
        self.fetch_shot();
    }

    /// [`LabState::total`], without following it.
    pub fn total_untracked(&self) -> usize {
        self.ran.with_untracked(|ran| ran.as_ref().map_or(0, |ran| ran.times.len()))
    }

    /// The index of the picture on screen.
    pub fn shown(&self) -> usize {
        self.shot.with_untracked(|shot| shot.as_ref().map_or(0, |shot| shot.frame.index))
    }

    /// Asks for the wanted picture. One question at a time: whoever scrubs fast skips pictures instead of waiting.
    fn fetch_shot(self) {
        if self.asked.get_value() {
            return;
        }
        self.asked.set_value(true);
        let wanted = self.index.get_untracked();
        let question = Question::Frame { index: wanted, locale: self.locale.get_untracked() };
        self.ask(question, move |answer| {
            self.asked.set_value(false);
            if let Answer::Frame(mut shot) = answer {
                self.view.set(Arc::new(std::mem::take(&mut shot.frame.view)));
                if !self.playing.get_untracked() {
                    self.clock.set(shot.frame.at.0 as f64);
                }
                self.shot.set(Some(Arc::from(shot)));
                if self.index.get_untracked() != wanted {
                    self.fetch_shot();
                }
            }
        });
    }

    /// Asks for sentences.
    pub fn rows(self, from: usize, to: usize, least: Importance, then: impl FnOnce(Vec<EventRow>) + 'static) {
        let question = Question::Rows { from, to, least, locale: self.locale.get_untracked() };
        self.ask(question, move |answer| {
            if let Answer::Rows(rows) = answer {
                then(rows);
            }
        });
    }

    /// Opens the causal chain of an event.
    pub fn ask_why(self, seq: u64) {
        let question = Question::Why { seq, locale: self.locale.get_untracked() };
        self.ask(question, move |answer| {
            if let Answer::Rows(rows) = answer {
                self.chain.set(Some(Arc::new(rows)));
            }
        });
    }

    /// Loads the engine's sources, once.
    pub fn load_sources(self) {
        if self.sources_asked.get_value() {
            return;
        }
        self.sources_asked.set_value(true);
        let url = self.option("sources");
        wasm_bindgen_futures::spawn_local(async move {
            let text = dom::fetch_text(&url).await.unwrap_or_default();
            let sources: SortedMap<String, String> = naru_labs::json::read(&text).unwrap_or_default();
            self.sources.set(Some(Arc::new(sources)));
        });
    }

    /// The address that brings somebody else to this lab, seed and script.
    pub fn permalink(&self) -> String {
        let own_script = self.script.with(|script| *script == self.lab.start);
        let link = Link {
            seed: Some(self.seed.get()).filter(|seed| *seed != self.lab.seed),
            script: (!own_script).then(|| self.script.get()),
            actions: self.actions.get(),
        };
        let fragment = link.fragment();
        let lang = locale::tag(self.locale.get());
        let hash = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
        format!("{}?lab={}&lang={lang}{hash}", self.option("page"), self.lab.number)
    }

    /// Asks the Worker, which is started if there is none.
    pub fn ask(self, question: Question, then: impl FnOnce(Answer) + 'static) {
        self.remote.update_value(|remote| {
            if remote.is_none() {
                let spawn = self.option_function("spawn").expect("naru-lab.js passes a way to start a Worker");
                let failed = move || self.end_worker(text::worker_failed);
                *remote = Some(Remote::new(spawn, move || dom::later(0, failed)));
            }
            if let Some(remote) = remote {
                remote.ask(question, then);
            }
        });
    }

    /// A new language means new sentences; the picture on screen is asked for again.
    fn follow_language(self) {
        Effect::new(move |before: Option<Locale>| {
            let locale = self.locale.get();
            if before.is_some_and(|before| before != locale) && self.phase.get_untracked() == Phase::Done {
                self.fetch_shot();
                if let Some(seq) = self.chain.with_untracked(|chain| chain.as_ref()?.last().map(|row| row.seq)) {
                    self.ask_why(seq);
                }
            }
            locale
        });
    }
}
