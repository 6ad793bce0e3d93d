//! What a user gets from the order system: each file tells of one thing that somebody does with it, from the outside.
//!
//! A test talks to the system as a client does, and waits for what should happen instead of for time to pass. By itself
//! it starts the real program on ports and with a data directory of its own. With `ORDERS_STAGE_FILE`, whatever is in
//! [`anywhere`] runs against a deployed stage instead:
//!
//! ```sh
//! ORDERS_STAGE_FILE=stage.json cargo test -p local --test e2e anywhere
//! ```

mod support;

/// What holds wherever the system runs: tests that reach it with [`support::Stage::reach`].
///
/// They share the stage with each other, with earlier runs and with everybody else. So they count nothing that is not
/// their own, and take their customers, keys and names from [`support::Stage::own`]. They ask for no more than what AWS
/// documents or has been seen to do. The stage has no warehouse: everything ships at once.
mod anywhere {
    mod attention;
    mod authorization;
    mod customers;
    mod errors;
    mod fulfil;
    mod garbage;
    mod graphql;
    mod idempotency;
    mod place;
    mod read;
    mod staff;
    mod subscription_credentials;
    mod subscriptions;
    mod tokens;
    mod who_may_do_what;
    mod who_may_subscribe;
}

/// What needs a server of one's own ([`support::Server`]): to kill it, to start it with options, between a warehouse
/// and an outage, to look into what it keeps, or with nobody else on it.
///
/// Also what only this machine's AppSync is known to answer, and what a stage may be set up not to do, such as
/// introspection. With `ORDERS_STAGE_FILE` these tests fail.
mod here {
    mod amplify;
    mod apollo;
    mod attention;
    mod authorization;
    mod bootstraps;
    mod browser;
    mod client_retries;
    mod command_line;
    mod crash;
    mod erase;
    mod errors;
    mod fan_out;
    mod frontend_guide;
    mod fulfil;
    mod garbage;
    mod gql;
    mod graphql;
    mod hostile;
    mod idempotency;
    mod listeners;
    mod matrix;
    mod outage;
    mod pages;
    mod permissions;
    mod read;
    mod redrive;
    mod rethink;
    mod signatures;
    mod staff;
    mod stage;
    mod subscription_credentials;
    mod subscriptions;
    mod template;
    mod tls;
    mod tokens;
    mod warehouse;
    mod who_may_subscribe;
}
