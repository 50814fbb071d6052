//! The brokers of the cluster, as the committed metadata has them: what clients are told, and what leaders go by.

use crate::turn::Turn;
use alloc::{string::String, vec::Vec};
use naru_metadata::Registration;

/// A broker, and where clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) id: i32,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
}

impl Turn<'_> {
    /// Every broker that is not fenced, by id.
    pub(crate) fn live_brokers(&self) -> Vec<Neighbour> {
        let live = self.state.metadata.committed().brokers().filter(|(_, registration)| !registration.fenced);
        live.filter_map(|(id, registration)| neighbour(id, registration)).collect()
    }

    /// A broker by its id, whether it is fenced or not; `None` for one that is not registered.
    pub(crate) fn neighbour(&self, id: i32) -> Option<Neighbour> {
        neighbour(id, self.state.cluster().broker(id)?)
    }

    /// The broker that clients are told to ask when they want something of the controller. Any broker passes such requests
    /// on (KIP-590); the controller itself is named if it is a broker that lives.
    pub(crate) fn controller_for_clients(&self) -> i32 {
        let controller = self.state.metadata.active_controller().filter(|id| self.is_alive(*id));
        let image = self.state.metadata.committed();
        let any = image.brokers().find(|(_, registration)| !registration.fenced).map(|(id, _)| id);
        controller.or(any).unwrap_or(-1)
    }
}

fn neighbour(id: i32, registration: &Registration) -> Option<Neighbour> {
    let endpoint = registration.end_points.first()?;
    let (host, port) = (endpoint.host.clone(), endpoint.port);
    Some(Neighbour { id, host, port, rack: registration.rack.clone() })
}
