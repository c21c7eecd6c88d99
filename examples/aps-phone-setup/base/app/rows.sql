-- What APS's support tool knows. The operator, its people and its networks are invented.

CREATE TABLE lines (
  id TEXT PRIMARY KEY, customer TEXT, name TEXT, network TEXT, plan TEXT, sim TEXT,
  phone TEXT, version TEXT
);
INSERT INTO lines VALUES
  ('l-5001', 'c-2001', 'Abel Costa', 'Norda', 'Basic', 'card', 'Galaxy S23', '6.1'),
  ('l-5002', 'c-2002', 'Bea Nilsson', 'Vela', 'Basic', 'card', 'iPhone 11', '16.7'),
  ('l-5003', 'c-2003', 'Carl Otieno', 'Norda', 'Travel', 'card', 'Pixel 7', '14'),
  ('l-5004', 'c-2004', 'Dora Weiss', 'Vela', 'Basic', 'card', 'Galaxy A52', '5.1'),
  ('l-5005', 'c-2005', 'Emil Faure', 'Norda', 'Travel', 'e-SIM', 'iPhone 15', '18.2'),
  ('l-5006', 'c-2006', 'Fay Moreno', 'Vela', 'Basic', 'card', 'iPhone 8', '16.7'),
  ('l-5007', 'c-2007', 'Gus Adler', 'Norda', 'Basic', 'card', 'Pixel 4', '11'),
  ('l-5008', 'c-2008', 'Hedy Rossi', 'Norda', 'Travel', 'e-SIM', 'iPhone 13', '17.4'),
  ('l-5009', 'c-2009', 'Igor Blum', 'Vela', 'Travel', 'e-SIM', 'iPhone 13', '17.4'),
  ('l-5010', 'c-2010', 'Jana Kral', 'Norda', 'Basic', 'card', 'Pixel 7', '14'),
  ('l-5011', 'c-2011', 'Kofi Mensah', 'Vela', 'Basic', 'card', 'Galaxy S23', '6.1'),
  ('l-5012', 'c-2012', 'Lena Hart', 'Norda', 'Basic', 'card', 'iPhone 15', '18.2'),
  ('l-5013', 'c-2013', 'Miro Silva', 'Vela', 'Basic', 'card', 'Galaxy A52', '5.1'),
  ('l-5014', 'c-2014', 'Nell Quinn', 'Norda', 'Basic', 'card', 'Zeno Q1', 'unknown'),
  ('l-5015', 'c-2015', 'Oda Berg', 'Norda', 'Basic', 'card', 'Pixel 7', '14'),
  ('l-5016', 'c-2016', 'Pia Berg', 'Norda', 'Travel', 'e-SIM', 'iPhone 15', '18.2');

CREATE TABLE devices (model TEXT PRIMARY KEY, system TEXT, esim TEXT);
INSERT INTO devices VALUES
  ('Galaxy S23', 'oneui', 'from version 5'),
  ('Galaxy A52', 'oneui', 'never: this phone takes cards only'),
  ('iPhone 8', 'ios', 'never: this phone takes cards only'),
  ('iPhone 11', 'ios', 'from version 13'),
  ('iPhone 13', 'ios', 'from version 15'),
  ('iPhone 15', 'ios', 'from version 17'),
  ('Pixel 4', 'android', 'from version 12'),
  ('Pixel 7', 'android', 'from version 13'),
  ('Pixel 8', 'android', 'from version 14');

CREATE TABLE networks (
  name TEXT PRIMARY KEY, apn TEXT, user TEXT, password TEXT, mmsc TEXT, mms_proxy TEXT, mms_port TEXT
);
INSERT INTO networks VALUES
  ('Norda', 'data.norda.aps', '', '', 'http://mms.norda.aps', '10.20.0.8', '8080'),
  ('Vela', 'web.vela.aps', 'aps', 'aps', 'http://mmsc.vela.aps/send', '10.44.1.2', '9201');

CREATE TABLE guides (system TEXT, first INTEGER, last INTEGER, topic TEXT, steps TEXT);
INSERT INTO guides VALUES
  ('ios', 1, 16, 'apn', 'Settings > Mobile Data > Mobile Data Network'),
  ('ios', 17, 99, 'apn', 'Settings > Cellular > Cellular Data Network'),
  ('ios', 1, 16, 'esim', 'Settings > Mobile Data > Add Data Plan > Enter Details Manually'),
  ('ios', 17, 99, 'esim', 'Settings > Cellular > Add eSIM > Use QR Code > Enter Details Manually'),
  ('ios', 1, 16, 'roaming', 'Settings > Mobile Data > Mobile Data Options > Data Roaming'),
  ('ios', 17, 99, 'roaming', 'Settings > Cellular > Cellular Data Options > Data Roaming'),
  ('android', 1, 12, 'apn', 'Settings > Network & internet > Mobile network > Advanced > Access Point Names'),
  ('android', 13, 99, 'apn', 'Settings > Network & internet > SIMs > Access Point Names'),
  ('android', 12, 99, 'esim', 'Settings > Network & internet > SIMs > Add SIM > Set up an eSIM'),
  ('android', 1, 99, 'roaming', 'Settings > Network & internet > SIMs > Roaming'),
  ('oneui', 1, 99, 'apn', 'Settings > Connections > Mobile networks > Access Point Names'),
  ('oneui', 5, 99, 'esim', 'Settings > Connections > SIM manager > Add eSIM'),
  ('oneui', 1, 99, 'roaming', 'Settings > Connections > Mobile networks > Data roaming'),
  ('oneui', 1, 99, 'mms', 'Settings > Connections > Mobile networks > Access Point Names, entry APS'),
  ('android', 13, 99, 'mms', 'Settings > Network & internet > SIMs > Access Point Names, entry APS');

CREATE TABLE findings (line TEXT, service TEXT, state TEXT);
INSERT INTO findings VALUES
  ('l-5001', 'internet', 'the phone asks for the APN internet.old, which no longer exists'),
  ('l-5002', 'internet', 'the phone asks for no APN'),
  ('l-5003', 'internet', 'the phone asks for no APN'),
  ('l-5004', 'internet', 'works'),
  ('l-5004', 'mms', 'the phone has no MMSC'),
  ('l-5012', 'internet', 'abroad in zone 2, data roaming is off on the phone'),
  ('l-5013', 'all', 'mast out of order near this line, repaired by 18:00 today'),
  ('l-5014', 'internet', 'the phone asks for no APN');

CREATE TABLE esims (line TEXT PRIMARY KEY, state TEXT, server TEXT, code TEXT);
INSERT INTO esims VALUES
  ('l-5005', 'ready', 'smdp.aps.example', 'APS-7Q4K-22'),
  ('l-5008', 'installed, its code is used up', 'smdp.aps.example', 'APS-1B9T-05'),
  ('l-5009', 'installed, its code is used up', 'smdp.aps.example', 'APS-3M2C-41'),
  ('l-5016', 'ready', 'smdp.aps.example', 'APS-9Z8Y-77');

CREATE TABLE voicemail (line TEXT PRIMARY KEY, state TEXT, number TEXT, pin TEXT);
INSERT INTO voicemail VALUES
  ('l-5010', 'not set up', '121', 'chosen at the first call'),
  ('l-5011', 'set up', '121', 'chosen by the customer');

CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT, text TEXT);

CREATE TABLE rules (topic TEXT PRIMARY KEY, text TEXT);
INSERT INTO rules VALUES
  ('lines', 'The desk serves the customer who is signed in, on that customer''s line. Of other lines '
   || 'nothing is told or changed, not for family either: their customer has to sign in and ask, and '
   || 'whoever asked for them should hear that.'),
  ('settings', 'Diagnose the line before settings are sent, and send only those that are missing. '
   || 'The customer should hear which were sent, and that the phone has to be restarted afterwards. '
   || 'Menus differ between versions: use the guide of the version on the phone. An APN is told with its '
   || 'user and password, where the network has them. Where a phone is not in our list, ask which system '
   || 'and which version it has, and tell no menu before. '
   || 'During an outage no setting helps: tell that it is one and until when, and change nothing.'),
  ('esim', 'An e-SIM is issued only where the phone can install it now: look at the phone and its '
   || 'version first. A phone that never can goes on with a SIM card, from a shop or the post; an e-SIM '
   || 'needs another phone, and the customer should hear one of these. One whose version is too low is '
   || 'updated first: tell that, and from which version on it works. An e-SIM that was deleted by mistake on '
   || 'the same phone is issued again; its code is used with Wi-Fi, because the line is off until then, '
   || 'which the customer should hear. '
   || 'A phone that was lost or stolen is a case for fraud, and no e-SIM is issued before they say so.'),
  ('roaming', 'Data roaming costs 2.00 a day in zone 1 and 5.00 a day in zone 2 on Basic; on Travel it is '
   || 'included in both. Tell the price before anybody turns it on; the customer turns it on.'),
  ('voicemail', 'A voicemail is set up, or gets a new PIN, where its customer asks for that. After either '
   || 'they should hear where the PIN is from, and after a setting up which number to call.'),
  ('handover', 'Lost and stolen phones go to fraud, numbers that move from or to another operator to '
   || 'porting, faults that settings and restarts did not cure to network. Open one ticket, tell its '
   || 'number, and change nothing else.');
