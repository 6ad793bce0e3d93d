//! What a user gets from the order system: each file tells of one thing that somebody does with it, from the outside.
//!
//! Every test starts the real program on ports and with a data directory of its own ([`support::Server`]), talks to it
//! as a client does, and waits for what should happen instead of for time to pass.

mod attention;
mod authorization;
mod command_line;
mod crash;
mod customers;
mod errors;
mod fan_out;
mod fulfil;
mod garbage;
mod gql;
mod graphql;
mod idempotency;
mod outage;
mod place;
mod read;
mod staff;
mod subscription_credentials;
mod subscriptions;
mod support;
mod template;
mod tokens;
mod warehouse;
mod who_may_do_what;
mod who_may_subscribe;
