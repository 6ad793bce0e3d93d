//! The RSA key of the pool. It takes some hundred milliseconds to make and few people need it, so it is made when
//! somebody first asks for a token or for the public half.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{fmt, fs, io};

use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::jwt::{self, ALGORITHM};
use crate::files;

/// As long as those of Cognito.
const BITS: usize = 2048;

/// The file in a data directory that holds the key: PKCS #8, in DER.
pub(super) const FILE: &str = "user-pool-key.der";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("the user pool's key {path} cannot be used ({reason}): delete the file, and a new one is made")]
pub struct Unusable {
    path: String,
    reason: String,
}

/// The key of a data directory. `token` and the server are two processes that share it, so the file decides.
pub(super) struct Keys {
    path: PathBuf,
    known: OnceLock<Key>,
    /// Held while a key is made, which nobody has to wait for who merely asks whether there is one.
    making: Mutex<()>,
}

/// A pair of keys: signs, and verifies what was signed.
///
/// `ring`, which the tree has for TLS, cannot make keys; `rsa` can, but its signing takes a time that depends on the
/// key (RUSTSEC-2023-0071). So `rsa` makes what `ring` uses.
pub(super) struct Key {
    pair: RsaKeyPair,
    public: PublicKeyComponents<Vec<u8>>,
    pub(super) id: String,
}

impl Keys {
    pub(super) fn of(directory: &Path) -> Self {
        Self { path: directory.join(FILE), known: OnceLock::new(), making: Mutex::new(()) }
    }

    /// The key, if one has been made.
    pub(super) fn get(&self) -> Result<Option<&Key>, Unusable> {
        if let Some(key) = self.known.get() {
            return Ok(Some(key));
        }
        match fs::read(&self.path) {
            Ok(pkcs8) => {
                let key = Key::new(&pkcs8).map_err(|reason| self.unusable(reason))?;
                Ok(Some(self.known.get_or_init(|| key)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(error)),
        }
    }

    /// The key, made now if there is none, which takes up to a second.
    pub(super) fn get_or_make(&self) -> Result<&Key, Unusable> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = self.get()? {
            return Ok(key);
        }
        let key = rsa::RsaPrivateKey::new(&mut rand_core::OsRng, BITS).map_err(|error| self.unusable(error))?;
        let pkcs8 = key.to_pkcs8_der().map_err(|error| self.unusable(error))?;
        // If another process was faster, its key is the key.
        files::keep(&self.path, pkcs8.as_bytes()).map_err(|error| self.unusable(error))?;
        self.get()?.ok_or_else(|| self.unusable("it was taken away"))
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unusable> {
        self.get_or_make()?.sign(claims).map_err(|error| self.unusable(error))
    }

    fn unusable(&self, reason: impl fmt::Display) -> Unusable {
        Unusable { path: self.path.display().to_string(), reason: reason.to_string() }
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Key {
    fn new(pkcs8: &[u8]) -> Result<Self, ring::error::KeyRejected> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        // Its thumbprint, so that a key has the same id wherever it is read.
        // Source: RFC 7638, "JSON Web Key (JWK) Thumbprint".
        let members = json!({ "e": jwt::encode(&public.e), "kty": "RSA", "n": jwt::encode(&public.n) });
        let id = jwt::encode(Sha256::digest(members.to_string()));
        Ok(Self { pair, public, id })
    }

    fn sign(&self, claims: &Value) -> Result<String, ring::error::Unspecified> {
        let header = json!({ "alg": ALGORITHM, "kid": self.id });
        let signed = format!("{}.{}", jwt::encode(header.to_string()), jwt::encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", jwt::encode(signature)))
    }

    /// Whether the signature was made with this key.
    pub(super) fn has_signed(&self, message: &str, signature: &[u8]) -> bool {
        self.public.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), signature).is_ok()
    }

    /// The public half. Source: RFC 7517, "JSON Web Key (JWK)".
    pub(super) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": self.id,
            "n": jwt::encode(&self.public.n),
            "e": jwt::encode(&self.public.e),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_when_it_is_needed_and_then_kept() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::of(directory.path());
        assert!(keys.get().unwrap().is_none());
        let id = keys.get_or_make().unwrap().id.clone();
        assert_eq!(keys.get().unwrap().unwrap().id, id);
        assert_eq!(Keys::of(directory.path()).get_or_make().unwrap().id, id, "another process has the same");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Keys::of(other.path()).get_or_make().unwrap().id, id);
    }

    #[test]
    fn of_two_processes_that_make_one_at_once_both_have_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let make = || Keys::of(directory.path()).get_or_make().unwrap().id.clone();
        let ids = std::thread::scope(|scope| [scope.spawn(make), scope.spawn(make)].map(|one| one.join().unwrap()));
        assert_eq!(ids[0], ids[1]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::of(directory.path());
        keys.get_or_make().unwrap();
        assert_eq!(fs::metadata(&keys.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{keys:?}").contains("pair"));
    }

    #[test]
    fn a_damaged_file_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::of(directory.path());
        fs::write(&keys.path, "damaged").unwrap();
        for error in [keys.get().err().unwrap(), keys.get_or_make().err().unwrap()] {
            let error = error.to_string();
            assert!(error.contains(FILE) && error.contains("delete the file"), "{error}");
        }
        assert_eq!(fs::read(&keys.path).unwrap(), b"damaged");
    }

    #[test]
    fn the_public_half_tells_nothing_of_the_private_one() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::of(directory.path());
        let jwk = keys.get_or_make().unwrap().jwk();
        let mut members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(jwk["e"], "AQAB");
    }
}
