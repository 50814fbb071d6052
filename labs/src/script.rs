//! Lab scripts: a Rhai engine with Kafka's clients as its words.
//!
//! Rhai is configured so that a run is the same everywhere and always ends: no floats, no clock, no modules, no
//! files, and a budget for steps, depth and sizes. The words themselves are in `api.rs`; `errors.rs` turns what went
//! wrong into sentences. Nothing here knows whether the cluster is simulated.

mod api;
mod cluster;
mod disk;
mod errors;
mod options;

use crate::{
    backend::{Backend, Failure},
    recording::{Budget, PrintedLine, ScriptError},
    text::Text,
};
use rhai::{
    Engine, EvalAltResult, NativeCallContext, Position,
    packages::{
        BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage, Package,
    },
};
use std::{cell::RefCell, rc::Rc};

/// What a script leaves behind.
pub(crate) struct Outcome {
    pub(crate) printed: Vec<PrintedLine>,
    pub(crate) templates: Vec<String>,
    pub(crate) error: Option<ScriptError>,
}

/// Every word of a lab script, with its usage: for help beside the editor and in the book.
pub fn words() -> &'static [(&'static str, &'static str)] {
    api::WORDS
}

/// Runs a script to its end, or to its first error.
pub(crate) fn run(script: &str, backend: Box<dyn Backend>, budget: Budget) -> (Outcome, Box<dyn Backend>) {
    let session = Shared(Rc::new(RefCell::new(Session {
        backend,
        budget,
        records: 0,
        record_bytes: 0,
        line: None,
        printed: Vec::new(),
        templates: Vec::new(),
    })));
    let error = {
        let engine = engine(&session, budget);
        match engine.compile(script) {
            Err(error) => Some(errors::of_parsing(&error)),
            Ok(ast) => engine.run_ast(&ast).err().map(|error| errors::of_running(&error, script)),
        }
    };
    // The engine and every value of the script are gone, and with them every other handle on the session.
    let session = Rc::try_unwrap(session.0).unwrap_or_else(|_| unreachable!("a script's values ended with its engine"));
    let session = session.into_inner();
    (Outcome { printed: session.printed, templates: session.templates, error }, session.backend)
}

fn engine(session: &Shared, budget: Budget) -> Engine {
    let mut engine = plain_engine();
    engine.set_max_operations(budget.operations_max);
    engine.set_max_call_levels(budget.call_depth_max);
    engine.set_max_string_size(budget.data_size_max);
    engine.set_max_array_size(budget.data_size_max);
    engine.set_max_map_size(budget.data_size_max);
    engine.set_max_expr_depths(64, 32);
    engine.set_max_variables(512);
    engine.set_max_functions(128);
    engine.set_fail_on_invalid_map_property(true);
    engine.disable_symbol("eval");
    engine.on_print(|_| {});
    engine.on_debug(|_, _, _| {});
    api::register(&mut engine, session);
    engine
}

/// Rhai with its words for numbers, texts, arrays and maps; without those for single bits and bytes, which a lab's download
/// would carry for nobody.
fn plain_engine() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    engine
}

/// What the script's functions share.
pub(crate) struct Session {
    pub(crate) backend: Box<dyn Backend>,
    budget: Budget,
    records: u64,
    record_bytes: u64,
    line: Option<u32>,
    printed: Vec<PrintedLine>,
    templates: Vec<String>,
}

/// A handle on the session; every object of the script holds one.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Session>>);

type Fallible<T> = Result<T, Box<EvalAltResult>>;

impl Shared {
    /// Does something on behalf of the script's line that is running.
    fn call<T>(&self, ctx: &NativeCallContext, deed: impl FnOnce(&mut Session) -> Result<T, Failure>) -> Fallible<T> {
        let position = ctx.call_position();
        let mut session = self.0.borrow_mut();
        session.line = position.line().map(|line| line as u32);
        let line = session.line;
        session.backend.at_line(line);
        deed(&mut session).map_err(|failure| thrown(failure, position))
    }
}

impl Session {
    fn print(&mut self, text: &str) -> Result<(), Failure> {
        let most = self.budget.prints_max;
        if self.printed.len() >= most as usize {
            return Err(Failure::Budget {
                name: "prints_max",
                message: Text::new(
                    format!("The script printed more than {most} lines."),
                    format!("스크립트가 {most}줄 넘게 출력했습니다."),
                ),
            });
        }
        let seq = self.backend.print(text);
        self.printed.push(PrintedLine { seq, script_line: self.line, text: text.to_owned() });
        Ok(())
    }

    /// Counts a record that is about to be sent.
    fn count_record(&mut self, bytes: usize) -> Result<(), Failure> {
        self.records += 1;
        self.record_bytes += bytes as u64;
        let (records, bytes) = (self.budget.records_max, self.budget.record_bytes_max);
        if self.records > records {
            return Err(Failure::Budget {
                name: "records_max",
                message: Text::new(
                    format!("The script sent more than {records} records."),
                    format!("스크립트가 레코드를 {records}개 넘게 보냈습니다."),
                ),
            });
        }
        if self.record_bytes > bytes {
            let mib = bytes >> 20;
            return Err(Failure::Budget {
                name: "record_bytes_max",
                message: Text::new(
                    format!("The script sent more than {mib} MiB."),
                    format!("스크립트가 {mib} MiB 넘게 보냈습니다."),
                ),
            });
        }
        Ok(())
    }
}

/// A broker's refusal, as a script catches it: `try { .. } catch (error) { print(error.name); }`.
#[derive(Debug, Clone)]
pub(crate) struct KafkaError {
    pub(crate) name: String,
    pub(crate) message: String,
}

/// The call made no sense; its words.
#[derive(Debug, Clone)]
pub(crate) struct UsageError(pub(crate) Text);

/// A budget is used up. Travels as a termination, which no `catch` of the script can stop.
#[derive(Debug, Clone)]
pub(crate) struct BudgetUsedUp {
    pub(crate) name: &'static str,
    pub(crate) message: Text,
}

fn thrown(failure: Failure, position: Position) -> Box<EvalAltResult> {
    use rhai::Dynamic;
    Box::new(match failure {
        Failure::Kafka(error) => {
            let error = KafkaError { name: error.error.to_string(), message: error.message };
            EvalAltResult::ErrorRuntime(Dynamic::from(error), position)
        }
        Failure::Usage(text) => EvalAltResult::ErrorRuntime(Dynamic::from(UsageError(text)), position),
        Failure::Budget { name, message } => {
            EvalAltResult::ErrorTerminated(Dynamic::from(BudgetUsedUp { name, message }), position)
        }
    })
}
