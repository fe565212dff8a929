//! What is in the shop: small tables, made up and the same on every machine.
//!
//! The addresses of mail are under `example.com`, which nobody has.

use uuid::uuid;

use super::DemoPerson;

/// Everybody. The first two live together.
pub(super) const PEOPLE: [DemoPerson; 12] = [
    DemoPerson {
        id: uuid!("0fcf31ca-8e75-4fdf-9ece-615db9a6442e"),
        external_id: "c-1001",
        first_name: "Ada",
        last_name: "Lindqvist",
        email: "ada.lindqvist@example.com",
        phone: "+46701740601",
        number: 1001,
        birthday: "1984-03-12",
        address: 1,
        joined_on: "2024-09-02",
    },
    DemoPerson {
        id: uuid!("87ddaeb7-84b2-4054-aead-44b0537390e5"),
        external_id: "c-1002",
        first_name: "Erik",
        last_name: "Lindqvist",
        email: "erik.lindqvist@example.com",
        phone: "+46701740602",
        number: 1002,
        birthday: "1981-11-30",
        address: 1,
        joined_on: "2024-11-18",
    },
    DemoPerson {
        id: uuid!("c6c80e2b-c8c6-44b2-bb84-44d18e317041"),
        external_id: "c-1003",
        first_name: "Bruno",
        last_name: "Costa",
        email: "bruno.costa@example.com",
        phone: "+351912345603",
        number: 1003,
        birthday: "1990-06-21",
        address: 2,
        joined_on: "2024-09-14",
    },
    DemoPerson {
        id: uuid!("0e8bec94-8f6f-415f-a21b-37ca1b29fc99"),
        external_id: "c-1004",
        first_name: "Clara",
        last_name: "Vogel",
        email: "clara.vogel@example.com",
        phone: "+491701234604",
        number: 1004,
        birthday: "1976-01-08",
        address: 3,
        joined_on: "2024-10-01",
    },
    DemoPerson {
        id: uuid!("0acd8be1-46e4-4990-b0f9-70583f9d52f9"),
        external_id: "c-1005",
        first_name: "Dmitri",
        last_name: "Saar",
        email: "dmitri.saar@example.com",
        phone: "+37251234605",
        number: 1005,
        birthday: "1988-08-17",
        address: 4,
        joined_on: "2024-10-22",
    },
    DemoPerson {
        id: uuid!("73c1cd2c-81f9-4b52-9905-d591c5b2e75a"),
        external_id: "c-1006",
        first_name: "Fatima",
        last_name: "Haddad",
        email: "fatima.haddad@example.com",
        phone: "+33612345606",
        number: 1006,
        birthday: "1993-04-02",
        address: 5,
        joined_on: "2024-12-05",
    },
    DemoPerson {
        id: uuid!("e4ddf9b9-c28e-4907-8722-35c28fcd7f40"),
        external_id: "c-1007",
        first_name: "Giulia",
        last_name: "Ferri",
        email: "giulia.ferri@example.com",
        phone: "+393331234607",
        number: 1007,
        birthday: "1997-09-25",
        address: 6,
        joined_on: "2025-01-11",
    },
    DemoPerson {
        id: uuid!("535b6a43-7178-4a0a-9038-f0b5e998d0ee"),
        external_id: "c-1008",
        first_name: "Henrik",
        last_name: "Dahl",
        email: "henrik.dahl@example.com",
        phone: "+4741234608",
        number: 1008,
        birthday: "1969-12-03",
        address: 7,
        joined_on: "2025-01-30",
    },
    DemoPerson {
        id: uuid!("9b2bd6c0-816b-4e06-b92e-23399ccea098"),
        external_id: "c-1009",
        first_name: "Ines",
        last_name: "Moreau",
        email: "ines.moreau@example.com",
        phone: "+33698765609",
        number: 1009,
        birthday: "1986-05-14",
        address: 8,
        joined_on: "2025-02-19",
    },
    DemoPerson {
        id: uuid!("46f5a1b4-b156-41ad-b30c-16a3831d03bf"),
        external_id: "c-1010",
        first_name: "Jonas",
        last_name: "Meier",
        email: "jonas.meier@example.com",
        phone: "+41791234610",
        number: 1010,
        birthday: "1979-07-07",
        address: 9,
        joined_on: "2025-03-08",
    },
    DemoPerson {
        id: uuid!("ceaf4915-8885-44e8-8216-858f73ccef03"),
        external_id: "c-1011",
        first_name: "Katarzyna",
        last_name: "Nowak",
        email: "katarzyna.nowak@example.com",
        phone: "+48601234611",
        number: 1011,
        birthday: "1991-10-19",
        address: 10,
        joined_on: "2025-04-23",
    },
    DemoPerson {
        id: uuid!("3f665ede-f106-47ce-81fc-069e7a609683"),
        external_id: "c-1012",
        first_name: "Liam",
        last_name: "Byrne",
        email: "liam.byrne@example.com",
        phone: "+353861234612",
        number: 1012,
        birthday: "2000-02-28",
        address: 11,
        joined_on: "2025-06-15",
    },
];

/// Number, street, postal code, city and country of each address.
#[rustfmt::skip]
pub(super) const ADDRESSES: [(i64, &str, &str, &str, &str); 11] = [
    (1, "Storgatan 14", "753 31", "Uppsala", "SE"),
    (2, "Rua das Flores 88", "4050-265", "Porto", "PT"),
    (3, "Lindenallee 7", "04109", "Leipzig", "DE"),
    (4, "Pikk 21", "10133", "Tallinn", "EE"),
    (5, "12 rue du Canal", "67000", "Strasbourg", "FR"),
    (6, "Via dei Mille 5", "10123", "Torino", "IT"),
    (7, "Nygata 3", "5013", "Bergen", "NO"),
    (8, "40 quai Saint-Antoine", "69002", "Lyon", "FR"),
    (9, "Gerbergasse 19", "4001", "Basel", "CH"),
    (10, "ulica Długa 52", "80-831", "Gdańsk", "PL"),
    (11, "9 Shop Street", "H91 PX2C", "Galway", "IE"),
];

/// Number, name and price in cents of each product.
#[rustfmt::skip]
pub(super) const PRODUCTS: [(i64, &str, i64); 10] = [
    (1, "Enamel kettle, 1.5 l", 4900),
    (2, "Linen tea towel, set of 3", 1850),
    (3, "Walnut chopping board", 3600),
    (4, "Cast-iron pan, 26 cm", 6400),
    (5, "Stoneware mug", 1400),
    (6, "Pour-over coffee stand", 2950),
    (7, "Beeswax candle, pair", 1200),
    (8, "Wool blanket, grey", 8900),
    (9, "Bread knife", 3250),
    (10, "Oak salt box", 2100),
];

/// An order: whose, where to if not to their own address, when, and how many of which product.
pub(super) struct Order {
    pub(super) customer: i64,
    pub(super) to: Option<i64>,
    pub(super) placed_at: &'static str,
    pub(super) lines: &'static [(i64, i64)],
}

const fn order(customer: i64, placed_at: &'static str, lines: &'static [(i64, i64)]) -> Order {
    Order { customer, to: None, placed_at, lines }
}

/// An order that goes to somebody else's address.
const fn gift(customer: i64, to: i64, placed_at: &'static str, lines: &'static [(i64, i64)]) -> Order {
    Order { customer, to: Some(to), placed_at, lines }
}

/// The orders, oldest first.
#[rustfmt::skip]
pub(super) const ORDERS: [Order; 40] = [
    gift(1003, 1, "2024-10-20T09:17:30Z", &[(1, 1)]),
    order(1001, "2024-10-22T08:58:32Z", &[(1, 1)]),
    order(1005, "2024-12-01T11:14:42Z", &[(1, 2)]),
    order(1004, "2024-12-25T10:31:03Z", &[(5, 1)]),
    order(1001, "2025-02-04T11:34:07Z", &[(5, 1), (9, 4), (3, 4)]),
    order(1001, "2025-02-22T11:25:41Z", &[(2, 4)]),
    order(1007, "2025-02-26T22:29:30Z", &[(5, 1), (2, 1)]),
    order(1007, "2025-04-04T18:09:44Z", &[(1, 1), (9, 1), (5, 4)]),
    order(1002, "2025-04-04T22:56:21Z", &[(5, 1), (2, 4)]),
    order(1003, "2025-04-21T17:09:59Z", &[(7, 1), (1, 4)]),
    order(1001, "2025-04-22T09:15:05Z", &[(7, 1), (1, 4), (2, 1)]),
    order(1010, "2025-04-29T21:51:41Z", &[(10, 4)]),
    order(1002, "2025-05-02T14:50:11Z", &[(2, 4)]),
    order(1005, "2025-05-03T10:30:40Z", &[(1, 1), (4, 1)]),
    order(1009, "2025-05-13T13:21:13Z", &[(10, 2), (1, 1)]),
    order(1006, "2025-06-17T10:21:38Z", &[(2, 1)]),
    order(1008, "2025-06-20T12:22:49Z", &[(9, 4)]),
    order(1011, "2025-06-26T14:48:37Z", &[(5, 2), (9, 1)]),
    order(1012, "2025-06-30T18:57:29Z", &[(9, 4), (7, 1), (3, 4)]),
    order(1004, "2025-07-06T11:52:27Z", &[(5, 2), (7, 1), (6, 1)]),
    order(1005, "2025-07-08T17:08:44Z", &[(10, 4), (1, 2), (8, 2)]),
    order(1001, "2025-07-08T19:03:14Z", &[(9, 1)]),
    order(1003, "2025-07-11T17:21:44Z", &[(10, 4), (8, 2)]),
    order(1008, "2025-08-08T07:01:50Z", &[(8, 1), (5, 4)]),
    order(1006, "2025-08-12T10:23:39Z", &[(2, 1)]),
    order(1009, "2025-08-12T12:27:50Z", &[(2, 2), (7, 2)]),
    order(1003, "2025-08-19T21:18:45Z", &[(6, 2), (1, 1)]),
    order(1002, "2025-08-29T22:43:34Z", &[(6, 4), (8, 2)]),
    order(1011, "2025-09-01T13:52:55Z", &[(1, 1)]),
    order(1006, "2025-09-02T11:40:16Z", &[(10, 2), (6, 1)]),
    order(1002, "2025-09-07T18:06:35Z", &[(10, 1)]),
    order(1004, "2025-10-10T19:25:58Z", &[(2, 2), (3, 2)]),
    order(1012, "2025-10-20T21:49:11Z", &[(1, 1), (3, 2), (9, 4)]),
    order(1007, "2025-11-10T15:30:53Z", &[(9, 1)]),
    order(1010, "2025-11-22T09:46:10Z", &[(3, 1)]),
    order(1008, "2025-11-26T17:40:14Z", &[(4, 1), (10, 1), (7, 4)]),
    order(1005, "2025-11-29T12:16:18Z", &[(3, 2)]),
    order(1009, "2025-12-08T09:53:42Z", &[(7, 1)]),
    order(1009, "2026-02-04T21:51:59Z", &[(6, 1), (2, 1)]),
    order(1010, "2026-02-13T18:09:35Z", &[(3, 1), (1, 4), (9, 1)]),
];

/// A message to support.
pub(super) struct Message {
    /// 0 where the writer was not signed in.
    pub(super) customer: i64,
    pub(super) email: &'static str,
    pub(super) sent_at: &'static str,
    pub(super) subject: &'static str,
    pub(super) body: &'static str,
}

const fn message(
    customer: i64,
    email: &'static str,
    sent_at: &'static str,
    subject: &'static str,
    body: &'static str,
) -> Message {
    Message { customer, email, sent_at, subject, body }
}

/// The messages. Some were written before their writer signed in: only the address says whose they are.
#[rustfmt::skip]
pub(super) const MESSAGES: [Message; 16] = [
    message(0, "ada.lindqvist@example.com", "2024-08-30T18:20:11Z", "Do you ship to Sweden?", "Hello, I could not find shipping costs to Uppsala on your site."),
    message(1001, "ada.lindqvist@example.com", "2024-10-05T09:41:00Z", "Kettle arrived with a dent", "The lid is fine, but there is a dent beside the spout. Can you send another?"),
    message(1001, "ada.lindqvist@example.com", "2024-10-07T16:02:37Z", "Re: Kettle arrived with a dent", "Thank you, the new one came today."),
    message(1002, "erik.lindqvist@example.com", "2025-02-14T11:15:20Z", "Same address as my wife", "We both have accounts at Storgatan 14. Please do not merge them."),
    message(1003, "bruno.costa@example.com", "2025-01-20T20:09:45Z", "A gift for friends", "Can you leave the invoice out of the parcel? It goes to friends in Uppsala."),
    message(1003, "bruno.costa@example.com", "2025-05-02T08:30:00Z", "Two mugs missing", "I ordered four mugs and got two."),
    message(0, "clara.vogel@example.com", "2024-09-27T12:00:05Z", "Invoice for a company", "Could the invoice be made out to my practice instead of me?"),
    message(1004, "clara.vogel@example.com", "2025-03-19T07:55:31Z", "Allergic to beeswax", "I have an allergy. Please keep candles out of my parcels."),
    message(1005, "dmitri.saar@example.com", "2025-06-11T14:44:12Z", "Change of phone number", "My number ends in 605 now. The courier still calls the old one."),
    message(1006, "fatima.haddad@example.com", "2025-08-23T21:17:59Z", "Return of the blanket", "It is lovely, but too small. How do I send it back?"),
    message(1007, "giulia.ferri@example.com", "2025-04-09T10:05:00Z", "Bread knife for left hands", "Is there a version for people who cut with the left hand?"),
    message(1008, "henrik.dahl@example.com", "2025-09-30T17:33:26Z", "Where is my parcel?", "It has been in Oslo for six days."),
    message(1009, "ines.moreau@example.com", "2025-07-16T13:12:48Z", "Second floor, code B2418", "The courier needs the door code, or the parcel goes back."),
    message(1010, "jonas.meier@example.com", "2025-10-12T06:48:03Z", "Customs", "I was asked to pay customs twice. The receipts are in my uploads."),
    message(1011, "katarzyna.nowak@example.com", "2025-11-27T19:26:54Z", "Gift wrapping", "Could you wrap the candles? They are for my mother."),
    message(1012, "liam.byrne@example.com", "2026-01-05T15:01:30Z", "Student discount", "I study in Galway. Do you have a discount?"),
];

/// What people uploaded beside their picture: whose, under which name, what it says.
#[rustfmt::skip]
pub(super) const UPLOADS: [(i64, &str, &str); 16] = [
    (1001, "wishlist.txt", "Walnut chopping board\nOak salt box\n"),
    (1001, "notes/delivery.txt", "Leave parcels with the neighbour at number 16.\n"),
    (1002, "wishlist.txt", "Cast-iron pan\n"),
    (1003, "wishlist.txt", "Wool blanket, grey\nStoneware mug, four more\n"),
    (1003, "notes/delivery.txt", "Ring twice. The dog is friendly.\n"),
    (1004, "wishlist.txt", "Linen tea towels, but not in white\n"),
    (1005, "notes/delivery.txt", "After six in the evening, please.\n"),
    (1006, "wishlist.txt", "A larger blanket\n"),
    (1007, "wishlist.txt", "Pour-over coffee stand\n"),
    (1008, "notes/delivery.txt", "The door at the back.\n"),
    (1009, "wishlist.txt", "Bread knife\n"),
    (1010, "receipts/customs-1.txt", "Customs, 12 October 2025: CHF 14.20\n"),
    (1010, "receipts/customs-2.txt", "Customs, 12 October 2025: CHF 14.20, paid a second time\n"),
    (1011, "wishlist.txt", "Beeswax candles, two pairs\n"),
    (1012, "wishlist.txt", "Anything under 20 euros\n"),
    (1012, "notes/delivery.txt", "Shared house, the blue bell.\n"),
];
