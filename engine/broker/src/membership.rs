//! A broker's membership in its cluster: registration, heartbeats, and leaving in good order.
//!
//! ```text
//! starting ──registered──► recovery ──caught up, fence lifted──► running ──shutdown──► leaving ──► stopping
//!     ▲                        ▲                                    │
//!     └── the controller does not know the broker (any more) ◄──────┘
//! ```
//!
//! A broker is known by the epoch of its registration: the offset of the record in the metadata log. It carries out the
//! metadata log only once it has read its own registration there: what was before is then complete. A lone broker writes that
//! log itself and is running at once. (KIP-631, BrokerLifecycleManager.)

use crate::{
    peers::{Asked, Lane, PeerError},
    turn::Turn,
};
use alloc::{string::String, vec::Vec};
use naru_metadata::registration::{METADATA_VERSION, METADATA_VERSION_LEVELS};
use naru_trace::{Deadline, Micros, Name, TraceKind};
use naru_wire::messages::broker_registration_request::{Feature, Listener};
use naru_wire::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerId, BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use naru_wire::{ApiKey, ErrorCode, Response, StrBytes};
use uuid::Uuid;

/// How long after a failure the controller is asked again, in milliseconds.
const RETRY_MS: u64 = 100;
/// How long a broker that is told to stop waits for its leaderships to move, in milliseconds.
const LEAVE_MS: u64 = 10_000;

/// How far a broker has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// The controller has not registered it.
    Starting,
    /// It is registered, and fenced while it reads the metadata.
    Recovery,
    /// It serves.
    Running,
    /// It is to stop, and waits until others lead its partitions.
    Leaving,
    /// It stops.
    Stopping,
}

impl Lifecycle {
    /// As the picture calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Lifecycle::Starting => "starting",
            Lifecycle::Recovery => "recovery",
            Lifecycle::Running => "running",
            Lifecycle::Leaving => "leaving",
            Lifecycle::Stopping => "stopping",
        }
    }
}

/// This broker as a member.
#[derive(Debug)]
pub(crate) struct Membership {
    lifecycle: Lifecycle,
    /// New with every start.
    incarnation_id: Uuid,
    /// Whether the metadata was carried out for the first time.
    pub(crate) is_published: bool,
    /// Whether an answer of the controller is awaited.
    is_asking: bool,
    /// When the controller is asked next; `None` for a lone broker.
    ask_at: Option<Micros>,
    /// When a broker that leaves goes whatever comes.
    leave_by: Option<Micros>,
}

impl Membership {
    /// A broker that is a cluster of its own.
    pub(crate) fn lone(incarnation_id: Uuid) -> Self {
        Membership {
            lifecycle: Lifecycle::Running,
            incarnation_id,
            is_published: true,
            is_asking: false,
            ask_at: None,
            leave_by: None,
        }
    }

    /// A broker that is about to ask for its registration.
    pub(crate) fn starting(incarnation_id: Uuid, now: Micros) -> Self {
        let lone = Membership::lone(incarnation_id);
        Membership { lifecycle: Lifecycle::Starting, is_published: false, ask_at: Some(now), ..lone }
    }

    pub(crate) fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    /// Whether clients are served.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Running | Lifecycle::Leaving)
    }

    pub(crate) fn next_deadline(&self) -> Option<Deadline> {
        let ask = self.ask_at.filter(|_| !self.is_asking && self.lifecycle != Lifecycle::Stopping);
        let ask = ask.map(|at| Deadline { at, reason: "broker.heartbeat.interval.ms" });
        let leave = self.leave_by.map(|at| Deadline { at, reason: "controlled shutdown" });
        ask.into_iter().chain(leave).min()
    }
}

impl Turn<'_> {
    /// Why a request cannot be served yet, if so. The quorum and the controller work before the broker does.
    pub(crate) fn not_yet_served(&self, api: ApiKey) -> Option<&'static str> {
        let of_clients = matches!(
            api,
            ApiKey::Produce
                | ApiKey::Metadata
                | ApiKey::ListOffsets
                | ApiKey::InitProducerId
                | ApiKey::DescribeTopicPartitions
                | ApiKey::FindCoordinator
        );
        let membership = &self.state.membership;
        let not_yet = matches!(membership.lifecycle, Lifecycle::Starting | Lifecycle::Recovery);
        (of_clients && not_yet).then_some("the broker is starting")
    }

    /// Registers the broker, or tells the controller that it is alive, when it is time.
    pub(crate) fn keep_membership(&mut self) {
        let now = self.now.monotonic;
        if self.state.membership.leave_by.is_some_and(|at| at <= now) {
            self.leave_now();
        }
        let membership = &self.state.membership;
        if membership.is_asking || membership.ask_at.is_none_or(|at| at > now) {
            return;
        }
        match membership.lifecycle {
            Lifecycle::Starting => self.ask_for_registration(),
            Lifecycle::Recovery | Lifecycle::Running | Lifecycle::Leaving => self.send_heartbeat(),
            Lifecycle::Stopping => {}
        }
    }

    /// The driver wants the broker to stop. One that leads partitions of a cluster lets the controller move them first
    /// (`controlled.shutdown.enable`).
    pub(crate) fn on_shutdown(&mut self) {
        let membership = &mut self.state.membership;
        let can_leave = membership.ask_at.is_some() && membership.lifecycle == Lifecycle::Running;
        if !can_leave || !self.state.config.cluster.controlled_shutdown {
            return self.leave_now();
        }
        membership.leave_by = Some(self.now.monotonic.plus(LEAVE_MS * 1_000));
        membership.ask_at = Some(self.now.monotonic);
        self.enter(Lifecycle::Leaving);
        self.keep_membership();
    }

    /// The metadata is known up to an offset: perhaps enough to begin with.
    pub(crate) fn on_metadata_read(&mut self, offset: i64) {
        let membership = &mut self.state.membership;
        let is_first = !membership.is_published && membership.lifecycle == Lifecycle::Recovery;
        if is_first && offset > self.state.broker_epoch {
            membership.is_published = true;
            membership.ask_at = Some(self.now.monotonic);
            if let Err(error) = self.publish_first() {
                self.out.warnings.push(error.message);
            }
            self.keep_membership();
        }
    }

    /// The controller's answer to a registration.
    pub(crate) fn on_registered(&mut self, result: Result<Response, PeerError>) {
        let answer = match result {
            Ok(Response::BrokerRegistration(BrokerRegistrationResponse { error_code, broker_epoch, .. })) => {
                match ErrorCode::from_code(error_code) {
                    ErrorCode::None => Ok(broker_epoch),
                    error => Err(Some(error)),
                }
            }
            _ => Err(None),
        };
        self.state.membership.is_asking = false;
        match answer {
            Ok(epoch) => {
                self.state.broker_epoch = epoch;
                self.state.membership.ask_at = Some(self.now.monotonic);
                self.enter(Lifecycle::Recovery);
                let read = self.state.metadata.read_up_to();
                self.on_metadata_read(read);
            }
            Err(error) => {
                if let Some(error) = error.filter(|error| *error != ErrorCode::NotController) {
                    let reason = alloc::format!("the controller does not register this broker: {}", error.message());
                    self.warn_once(reason);
                }
                self.ask_again_in(RETRY_MS);
            }
        }
    }

    /// The controller's answer to a heartbeat.
    pub(crate) fn on_heartbeat_answered(&mut self, result: Result<Response, PeerError>) {
        self.state.membership.is_asking = false;
        let Ok(Response::BrokerHeartbeat(answer)) = result else { return self.ask_again_in(RETRY_MS) };
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => self.on_heartbeat_taken(&answer),
            ErrorCode::StaleBrokerEpoch | ErrorCode::BrokerIdNotRegistered => {
                // Somebody else has this id now, or the registration is gone: begin again.
                self.enter(Lifecycle::Starting);
                self.ask_again_in(RETRY_MS);
            }
            _ => self.ask_again_in(RETRY_MS),
        }
    }

    fn on_heartbeat_taken(&mut self, answer: &BrokerHeartbeatResponse) {
        let membership = &self.state.membership;
        match membership.lifecycle {
            Lifecycle::Recovery if !answer.is_fenced && membership.is_published => self.enter(Lifecycle::Running),
            Lifecycle::Leaving if answer.should_shut_down => return self.leave_now(),
            _ => {}
        }
        let hurry = matches!(self.state.membership.lifecycle, Lifecycle::Recovery | Lifecycle::Leaving);
        let interval_ms = self.state.config.cluster.heartbeat_interval_ms;
        self.ask_again_in(if hurry { RETRY_MS.min(interval_ms) } else { interval_ms });
    }

    fn leave_now(&mut self) {
        self.state.membership.leave_by = None;
        self.enter(Lifecycle::Stopping);
        self.resign_from_quorum();
        self.stop_serving();
    }

    fn enter(&mut self, lifecycle: Lifecycle) {
        if self.state.membership.lifecycle == lifecycle {
            return;
        }
        let is_member = self.state.membership.ask_at.is_some();
        self.state.membership.lifecycle = lifecycle;
        let epoch = self.state.broker_epoch;
        if is_member {
            self.out.trace.emit_then(|| TraceKind::LifecycleChanged { state: Name::Borrowed(lifecycle.name()), epoch });
        }
    }

    fn ask_again_in(&mut self, milliseconds: u64) {
        self.state.membership.ask_at = Some(self.now.monotonic.plus(milliseconds * 1_000));
    }

    fn ask_for_registration(&mut self) {
        self.state.membership.is_asking = true;
        let config = &self.state.config;
        let text = |text: &str| StrBytes::from_string(String::from(text));
        let listener = Listener::default()
            .with_name(text("PLAINTEXT"))
            .with_host(text(&config.advertised_host))
            .with_port(config.advertised_port)
            .with_security_protocol(0);
        let (min, max) = METADATA_VERSION_LEVELS;
        let feature = Feature::default()
            .with_name(text(METADATA_VERSION))
            .with_min_supported_version(min)
            .with_max_supported_version(max);
        let log_dirs: Vec<Uuid> = self.state.settings.log_dirs.clone();
        let request = BrokerRegistrationRequest::default()
            .with_broker_id(BrokerId(config.node_id))
            .with_cluster_id(text(&self.state.cluster_id))
            .with_incarnation_id(self.state.membership.incarnation_id)
            .with_listeners(alloc::vec![listener])
            .with_features(alloc::vec![feature])
            .with_rack(config.cluster.rack.as_deref().map(text))
            .with_is_migrating_zk_broker(false)
            .with_log_dirs(log_dirs)
            .with_previous_broker_epoch(self.state.previous_broker_epoch);
        self.ask_controller(Lane::Heartbeat, request.into(), Asked::Registration);
    }

    fn send_heartbeat(&mut self) {
        self.state.membership.is_asking = true;
        let membership = &self.state.membership;
        let offline: Vec<Uuid> = self.state.dirs.iter().filter(|dir| dir.failed.is_some()).map(|dir| dir.id).collect();
        let request = BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(self.state.config.node_id))
            .with_broker_epoch(self.state.broker_epoch)
            .with_current_metadata_offset(self.state.metadata.read_up_to() - 1)
            .with_want_fence(!membership.is_published)
            .with_want_shut_down(membership.lifecycle == Lifecycle::Leaving)
            .with_offline_log_dirs(offline);
        self.ask_controller(Lane::Heartbeat, request.into(), Asked::Heartbeat);
    }
}
