//! Users of a Cognito user pool, made for one test and removed when it ends.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use uuid::Uuid;

use super::client::Response;
use super::signer::Signer;
use super::stage::Addresses;
use super::text;
use super::tls::Tls;
use super::users::Token;

/// A user pool, as its administrator sees it.
pub(crate) struct Cognito {
    endpoint: Endpoint,
    client_id: String,
    people: Mutex<HashMap<String, Person>>,
}

#[derive(Clone)]
struct Endpoint {
    tls: Tls,
    addresses: Addresses,
    pool_id: String,
}

#[derive(Clone)]
struct Person {
    /// What the pool calls them, which in a pool that signs in by e-mail is not what they were made with.
    username: String,
    password: String,
    is_staff: bool,
}

impl Cognito {
    pub(crate) fn new(tls: Tls, addresses: &Addresses) -> Self {
        let named = |name: &str, value: &Option<String>| {
            value
                .clone()
                .unwrap_or_else(|| panic!("the stage file needs `{name}`, or all that a server's ready file says"))
        };
        let pool_id = named("userPoolId", &addresses.user_pool_id);
        let client_id = named("userPoolClientId", &addresses.user_pool_client_id);
        Self { endpoint: Endpoint { tls, addresses: addresses.clone(), pool_id }, client_id, people: Mutex::default() }
    }

    /// A token of a user, who is made if there is none of that name, and is in the group `staff` or no longer.
    pub(crate) async fn token(&self, name: &str, is_staff: bool, token: Token) -> String {
        let known = self.people.lock().expect("no panic").get(name).cloned();
        let mut person = match known {
            Some(person) => person,
            None => self.make(name).await,
        };
        if person.is_staff != is_staff {
            let operation = if is_staff { "AdminAddUserToGroup" } else { "AdminRemoveUserFromGroup" };
            self.endpoint.run(operation, json!({ "Username": person.username, "GroupName": "staff" })).await;
            person.is_staff = is_staff;
        }
        self.people.lock().expect("no panic").insert(name.to_owned(), person.clone());
        let sign_in = json!({
            "ClientId": self.client_id, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
            "AuthParameters": { "USERNAME": person.username, "PASSWORD": person.password },
        });
        let tokens = self.endpoint.run("AdminInitiateAuth", sign_in).await;
        let token = match token {
            Token::Access => "AccessToken",
            Token::Id => "IdToken",
        };
        text(&tokens["AuthenticationResult"][token])
    }

    async fn make(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let attributes = json!([
            { "Name": "email", "Value": email },
            { "Name": "email_verified", "Value": "true" },
        ]);
        let user = json!({ "Username": email, "UserAttributes": attributes, "MessageAction": "SUPPRESS" });
        let made = self.endpoint.run("AdminCreateUser", user).await;
        let username = text(&made["User"]["Username"]);
        // Something of every kind that a password policy may ask for.
        let person = Person { username, password: format!("Aa1!{}", Uuid::new_v4()), is_staff: false };
        // Known from here on, so that it is removed whatever comes.
        self.people.lock().expect("no panic").insert(name.to_owned(), person.clone());
        let password = json!({ "Username": person.username, "Password": person.password, "Permanent": true });
        self.endpoint.run("AdminSetUserPassword", password).await;
        person
    }
}

impl Drop for Cognito {
    fn drop(&mut self) {
        let people = std::mem::take(&mut *self.people.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        if people.is_empty() {
            return;
        }
        // The test's runtime waits for this and so cannot do it.
        let endpoint = self.endpoint.clone();
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                for Person { username, .. } in people.into_values() {
                    endpoint.run("AdminDeleteUser", json!({ "Username": username })).await;
                }
            });
        };
        if std::thread::spawn(remove).join().is_err() {
            eprintln!("users of this test are left in the pool {}", self.endpoint.pool_id);
        }
    }
}

impl Endpoint {
    /// Runs an operation of the pool's administrator.
    async fn run(&self, operation: &str, mut input: Value) -> Value {
        input["UserPoolId"] = json!(self.pool_id);
        let (body, url) = (input.to_string(), format!("{}/", self.addresses.cognito_url().trim_end_matches('/')));
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let given = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
        let signer = Signer::new("cognito-idp", self.addresses.credentials(), &self.addresses.region);
        let headers = signer.headers(&url, &given, body.as_bytes());
        let request = self.tls.http_client().post(url).headers(headers).body(body);
        let response = Response::of(request).await;
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.body
    }
}
