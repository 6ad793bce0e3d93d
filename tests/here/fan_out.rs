//! A hundred subscribers among a thousand orders, while their neighbours break off or read nothing: each is told of all
//! that is theirs, and of nothing else.

use std::collections::{BTreeSet, HashMap};

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, Subscriber, Warehouse, apples_and_a_pear, id, order_of, text};

const ORDERS: usize = 1_000;
const CLIENTS: usize = 32;
const CUSTOMERS: usize = 8;
/// Orders that the warehouse accepts at first, so that somebody can wait for them.
const AWAITED: usize = 40;
/// How many subscribers share a connection, and how many have one of their own.
const SUBSCRIBERS: usize = 50;

/// What somebody follows, and what they must be told of.
struct Wish {
    caller: Client,
    field: &'static str,
    of: String,
    /// The place of `of` among the customers or the awaited orders.
    place: usize,
}

/// A subscription that goes on, and what it was told of.
struct Told {
    wish: Wish,
    orders: BTreeSet<String>,
}

struct World {
    server: Server,
    customers: Vec<(Client, String)>,
    awaited: Vec<String>,
}

impl World {
    async fn new() -> Self {
        let warehouse = Warehouse::that(|question| {
            let awaited = question.body["lines"][0]["sku"] == "AWAITED";
            if awaited { Reply::json(202, &json!({ "lines": [] })) } else { Reply::everything() }
        })
        .await;
        let server = Server::with(&["--warehouse-url", &warehouse.url]).await;
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let customer = server.customer(&format!("customer-{number}")).await;
            let order = server.place_and_settle(&customer, apples_and_a_pear()).await;
            customers.push((customer, text(&server.backend().order(&order).await["customerId"])));
        }
        let input = || json!({ "order": order_of(&[("AWAITED", 2)]) });
        let mut awaited = Vec::new();
        for _ in 0..AWAITED {
            awaited.push(server.place_and_settle(&server.guest(), input()).await);
        }
        Self { server, customers, awaited }
    }

    /// Of ten subscribers four wait for an order, five are customers, and one follows everything.
    fn wish(&self, number: usize) -> Wish {
        let (guest, backend) = (self.server.guest(), self.server.backend());
        let (caller, field, place) = match number % 10 {
            0 | 1 => (guest, "orderFulfilled", number % AWAITED),
            2 | 3 => (backend, "orderChanged", number % AWAITED),
            4 => (backend, "anyOrderChanged", 0),
            _ => (self.customers[number % CUSTOMERS].0.clone(), "ordersChanged", number % CUSTOMERS),
        };
        let of = match field {
            "anyOrderChanged" => String::new(),
            "ordersChanged" => self.customers[place].1.clone(),
            _ => self.awaited[place].clone(),
        };
        Wish { caller, field, of, place }
    }
}

/// Follows these wishes on one connection until the last order of all is told of, which everybody follows.
async fn follow(mut subscriber: Subscriber, mut told: HashMap<String, Told>, last: String, fence: String) -> Vec<Told> {
    loop {
        let event = subscriber.next().await;
        let subscription = event.subscription.clone();
        let order = event.order();
        assert_eq!(order["status"], "FULFILLED", "{order}");
        if subscription == fence {
            assert_eq!(id(&order), last);
            return told.into_values().collect();
        }
        told.get_mut(&subscription).expect("a subscription that was started").orders.insert(id(&order));
    }
}

async fn start(world: &World, wishes: Vec<Wish>, last: &str) -> impl Future<Output = Vec<Told>> + use<> {
    let mut subscriber = Subscriber::connect(&world.server, &wishes[0].caller).await;
    let fence = subscriber.follow(&world.server.guest(), "orderChanged", last).await;
    let mut told = HashMap::new();
    for wish in wishes {
        let subscription = subscriber.follow(&wish.caller, wish.field, &wish.of).await;
        told.insert(subscription, Told { wish, orders: BTreeSet::new() });
    }
    follow(subscriber, told, last.to_owned(), fence)
}

/// Those who spoil it: some break off as soon as they have heard something, others never read.
async fn neighbours(world: &World) -> (Vec<tokio::task::JoinHandle<()>>, Vec<Subscriber>) {
    let backend = world.server.backend();
    let mut breaking = Vec::new();
    for number in 0..20 {
        let mut subscriber = Subscriber::connect(&world.server, &backend).await;
        subscriber.follow(&backend, "anyOrderChanged", "").await;
        breaking.push(tokio::spawn(async move {
            for _ in 0..number * 10 {
                subscriber.next().await;
            }
        }));
    }
    let mut silent = Vec::new();
    for _ in 0..3 {
        let mut subscriber = Subscriber::connect_with_little_room(&world.server, &backend).await;
        for _ in 0..20 {
            subscriber.follow(&backend, "anyOrderChanged", "").await;
        }
        silent.push(subscriber);
    }
    (breaking, silent)
}

/// Listens until as many orders were told of as there are.
async fn until_all_are_told(watcher: &mut Subscriber, last: &str) -> BTreeSet<String> {
    let mut heard = BTreeSet::new();
    while heard.len() < ORDERS {
        heard.insert(id(&watcher.next().await.order()));
    }
    assert!(!heard.contains(last));
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_subscribers_are_each_told_of_just_what_is_theirs() {
    let world = World::new().await;
    let (guest, backend) = (world.server.guest(), world.server.backend());
    let last = world.server.place_and_settle(&guest, apples_and_a_pear()).await;

    let together = start(&world, (0..SUBSCRIBERS).map(|number| world.wish(number)).collect(), &last).await;
    let mut following = vec![tokio::spawn(together)];
    for number in SUBSCRIBERS..2 * SUBSCRIBERS {
        following.push(tokio::spawn(start(&world, vec![world.wish(number)], &last).await));
    }
    let mut watcher = Subscriber::connect(&world.server, &backend).await;
    watcher.follow(&backend, "anyOrderChanged", "").await;
    let (breaking, silent) = neighbours(&world).await;

    // Of the thousand orders forty were there before and are reported now; the others are placed, one in four by guests.
    let placing = (0..ORDERS).map(|number| {
        let (world, guest, backend) = (&world, &guest, &backend);
        async move {
            if number % (ORDERS / AWAITED) == 0 {
                let order = &world.awaited[number / (ORDERS / AWAITED)];
                backend.report(order, "R-1", Value::Null).await;
                return (None, order.clone());
            }
            if number % 4 == 0 {
                return (None, guest.place_for_id(apples_and_a_pear()).await);
            }
            let place = number % CUSTOMERS;
            let (customer, sub) = &world.customers[place];
            if number % 5 > 0 {
                return (Some(place), customer.place_for_id(apples_and_a_pear()).await);
            }
            let mut input = apples_and_a_pear();
            input["customerId"] = json!(sub);
            (Some(place), backend.place_for_id(input).await)
        }
    });
    let placing = stream::iter(placing).buffer_unordered(CLIENTS).collect::<Vec<_>>();
    let (placed, heard) = tokio::join!(placing, until_all_are_told(&mut watcher, &last));
    let all: BTreeSet<_> = placed.iter().map(|(_, order)| order.clone()).collect();
    assert_eq!((all.len(), heard == all), (ORDERS, true), "told of each that was placed, and of no other");
    for neighbour in breaking {
        neighbour.await.expect("a neighbour who has heard enough");
    }

    // Events come one after the other: before this one, everything else.
    world.server.announce(&last).await;
    let mut told = 0;
    for mine in join_all(following).await {
        for Told { wish, mut orders } in mine.expect("a subscriber who is told of everything") {
            let expected = match wish.field {
                "anyOrderChanged" => all.clone(),
                "ordersChanged" => {
                    let of_them = placed.iter().filter(|(customer, _)| *customer == Some(wish.place));
                    of_them.map(|(_, order)| order.clone()).collect()
                }
                _ => BTreeSet::from([wish.of.clone()]),
            };
            orders.remove(&last);
            assert!(orders == expected, "{} of {}: {} of {}", wish.field, wish.of, orders.len(), expected.len());
            told += 1;
        }
    }
    assert_eq!(told, 2 * SUBSCRIBERS);
    for subscriber in silent {
        subscriber.until_given_up().await;
    }
}
