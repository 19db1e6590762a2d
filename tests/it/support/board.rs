//! Boards made by hand.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::board::{Board, Code, Condition, Slot, TargetInfo, TargetState, TokenView};
use pbx_exporter::domain::{Grant, Operation, Phases, Reason};
use tokio::time::Instant;

/// Wall time of the scrapes of hand-made boards.
pub const NOW: f64 = 1_795_290_298.25;

/// A client_credentials target over https that calls token and extensions.
pub fn info(name: &str) -> TargetInfo {
    TargetInfo {
        name: name.into(),
        platform: "freepbx".into(),
        grant: Grant::ClientCredentials,
        origin: "https://pbx.example.com".into(),
        plaintext: false,
        https: true,
        token_elsewhere: false,
        operations: [true, true, false],
        grants: vec![Grant::ClientCredentials],
        reasons: [Operation::Token, Operation::Extensions, Operation::Version]
            .map(|operation| Reason::ALL.into_iter().filter(|r| r.occurs_at(operation)).collect()),
        log: Vec::new(),
    }
}

/// A slot in whose state `change` was made.
pub fn slot(info: TargetInfo, change: impl FnOnce(&mut TargetState)) -> Arc<Slot> {
    let slot = Slot::new(info);
    let mut state = (*slot.state()).clone();
    change(&mut state);
    slot.publish(state);
    Arc::new(slot)
}

/// A board of `slots`.
pub fn board(slots: Vec<Arc<Slot>>) -> Arc<Board> {
    let board = Board::default();
    board.replace(slots);
    Arc::new(board)
}

/// A target that is well in every respect.
pub fn healthy(name: &str) -> Arc<Slot> {
    slot(info(name), |state| {
        probed(state, true);
        state.token =
            Some(TokenView { issued: Instant::now(), issued_unix: NOW - 600.0, expiry: Some(NOW + 3000.0) });
        state.renewal_due = Some(NOW + 300.0);
        state.grants[0].requests = 3;
        state.extensions = Some(12);
        state.certificate_expiry[0] = Some(1_800_000_000.0);
        for operation in [Operation::Token, Operation::Extensions] {
            let endpoint = state.endpoint_mut(operation);
            endpoint.up = Some(true);
            endpoint.ok = 7;
            endpoint.durations.observe(0.0625);
            endpoint.durations.observe(0.5);
            endpoint.phases = Phases {
                resolve: Some(0.001),
                connect: Some(0.0025),
                tls: Some(0.0125),
                processing: Some(0.25),
                transfer: Some(0.0005),
            };
        }
    })
}

/// A target whose secret is refused, by the password grant over http.
pub fn failing(name: &str) -> Arc<Slot> {
    let info = TargetInfo {
        grant: Grant::Password,
        grants: vec![Grant::Password, Grant::RefreshToken],
        origin: "http://pbx.example.com:83".into(),
        plaintext: true,
        https: false,
        ..info(name)
    };
    slot(info, |state| {
        probed(state, false);
        state.wait = Duration::from_secs(1200);
        state.consecutive_failures = 3;
        state.grants[0].requests = 3;
        state.grants[0].failures[Reason::InvalidClient.index()] = 2;
        state.grants[0].failures[Reason::Timeout.index()] = 1;
        state.grants[1].requests = 1;
        state.grants[1].failures[Reason::InvalidScope.index()] = 1;
        condition(state, Operation::Token, Reason::InvalidClient, "the client secret is refused");
        let token = state.endpoint_mut(Operation::Token);
        token.others = vec![(Code(400), 1), (Code(401), 2), (Code::OTHER, 1), (Code::NONE, 1)];
        for (reason, count) in [(Reason::InvalidClient, 2), (Reason::Timeout, 1), (Reason::InvalidScope, 1)] {
            token.failures[reason.index()] = count;
        }
        token.durations.observe(30.0);
    })
}

/// Sets what any probed target has.
pub fn probed(state: &mut TargetState, up: bool) {
    state.up = Some(up);
    state.probes = 7;
    state.probe_failures = if up { 0 } else { 3 };
    state.last_probe = Some(NOW - 12.5);
    state.last_success = Some(if up { NOW - 12.5 } else { NOW - 4000.0 });
    state.wait = Duration::from_secs(60);
}

/// Lets `operation` fail.
pub fn condition(state: &mut TargetState, operation: Operation, reason: Reason, diagnosis: &str) {
    let endpoint = state.endpoint_mut(operation);
    endpoint.up = Some(false);
    endpoint.condition = Some(Condition {
        reason,
        cause: reason.as_str().into(),
        diagnosis: diagnosis.into(),
        since: NOW - 4000.0,
    });
}
