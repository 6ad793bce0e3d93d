//! `cargo run -- token alice`: prints a token of somebody in the pool of a server.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use serde::Deserialize;

use super::{Issuer, POOL_FILE, Pool, Unusable, Use, User};
use crate::command_line::TokenArguments;

/// Why there is no token. Each is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Error {
    #[error(
        "no server has ever run on {directory}: start one with `cargo run`, or say where it keeps its data with --data-dir"
    )]
    NoServer { directory: PathBuf },
    #[error("{path} does not tell of a user pool ({source}): start the server anew, which writes it")]
    Pool { path: PathBuf, source: io::Error },
    #[error("the ready file {path} cannot be used ({source}): name one that a running server wrote")]
    ReadyFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] Unusable),
}

/// What a ready file tells of the pool.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    #[serde(flatten)]
    pool: Pool,
    data_directory: PathBuf,
}

/// A token as `arguments` ask for it. The server need not be running, but must have been started on the data directory
/// once: then it wrote down what its tokens have to say.
///
/// # Errors
/// If there is no such server, or its key cannot be used.
pub fn token(arguments: &TokenArguments, now: SystemTime) -> Result<String, Error> {
    let (pool, directory) = match &arguments.ready_file {
        Some(path) => {
            let Ready { pool, data_directory } =
                read(path).map_err(|source| Error::ReadyFile { path: path.clone(), source })?;
            (pool, data_directory)
        }
        None => (of_directory(&arguments.data_dir)?, arguments.data_dir.clone()),
    };
    let user = User { name: arguments.name.clone(), groups: arguments.groups.clone() };
    let used_as = if arguments.id_token { Use::Id } else { Use::Access };
    Ok(Issuer::new(pool, &directory).issue(&user, used_as, arguments.expires_in, now)?)
}

/// The pool of the last server on this data directory.
fn of_directory(directory: &Path) -> Result<Pool, Error> {
    let path = directory.join(POOL_FILE);
    read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoServer { directory: directory.to_owned() },
        _ => Error::Pool { path, source },
    })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::super::jwt;
    use super::*;
    use crate::appsync::VerifyToken as _;
    use crate::command_line::{Command, CommandLine};

    fn token_of(directory: &Path, options: &[&str]) -> Result<String, Error> {
        let directory = ["--data-dir", directory.to_str().unwrap()];
        let words = ["local", "token", "alice"].into_iter().chain(directory).chain(options.iter().copied());
        let Some(Command::Token(arguments)) = CommandLine::parse_from(words).command else { panic!("no command") };
        token(&arguments, SystemTime::now())
    }

    #[test]
    fn it_prints_what_the_server_believes() {
        let directory = tempfile::tempdir().unwrap();
        let pool = Pool::at("http://127.0.0.1:4000/us-east-1_local");
        pool.write(directory.path()).unwrap();
        let token = token_of(directory.path(), &["--group", "staff", "--group", "night"]).unwrap();
        let server = Issuer::new(pool, directory.path());
        let alice = server.verify(&token, SystemTime::now()).unwrap();
        assert_eq!(alice.username, "alice");
        assert_eq!(alice.groups().collect::<Vec<_>>(), ["staff", "night"]);
        let claims = jwt::read(&token).unwrap().claims;
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);

        let token = token_of(directory.path(), &["--id-token", "--expires-in", "7"]).unwrap();
        let claims = server.verify(&token, SystemTime::now()).unwrap().claims;
        assert_eq!(claims["token_use"], "id");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 7);
        assert_eq!(claims["sub"], alice.sub);
    }

    #[test]
    fn where_no_server_has_run_there_is_no_pool() {
        let directory = tempfile::tempdir().unwrap();
        let error = token_of(directory.path(), &[]).unwrap_err().to_string();
        assert!(error.starts_with("no server has ever run on") && error.contains("--data-dir"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left there");
        fs::write(directory.path().join(POOL_FILE), "{}").unwrap();
        let error = token_of(directory.path(), &[]).unwrap_err().to_string();
        assert!(error.contains(POOL_FILE) && error.contains("missing field"), "{error}");
    }

    #[test]
    fn a_ready_file_tells_of_a_server_too() {
        let directory = tempfile::tempdir().unwrap();
        let ready_file = directory.path().join("ready.json");
        let with = |content: &str| {
            fs::write(&ready_file, content).unwrap();
            let words = ["local", "token", "alice", "--ready-file", ready_file.to_str().unwrap()];
            let Some(Command::Token(arguments)) = CommandLine::parse_from(words).command else { panic!("no command") };
            token(&arguments, SystemTime::now())
        };
        let pool = Pool::at("http://127.0.0.1:4000/us-east-1_local");
        let ready = json!({
            "issuer": pool.issuer, "userPoolClientId": pool.user_pool_client_id, "dataDirectory": directory.path(),
            "graphqlUrl": "http://127.0.0.1:4000/graphql",
        });
        let token = with(&ready.to_string()).unwrap();
        assert!(Issuer::new(pool, directory.path()).verify(&token, SystemTime::now()).is_ok());
        let error = with("{}").unwrap_err().to_string();
        assert!(error.contains("ready.json") && error.contains("a running server"), "{error}");
    }
}
