-- What Glowup's support tool knows on the day the tasks happen. All people are invented.

CREATE TABLE desk (today TEXT NOT NULL);
INSERT INTO desk VALUES ('2026-03-14');

CREATE TABLE accounts (
  user TEXT PRIMARY KEY, name TEXT, email TEXT, plan TEXT, credits INTEGER, expires_on TEXT
);
INSERT INTO accounts VALUES
  ('u-3001', 'Mara Silva', 'mara@glowup.example', 'Free', 12, '2026-11-30'),
  ('u-3002', 'Tom Becker', 'tom@glowup.example', 'Free', 40, '2026-02-28'),
  ('u-3003', 'Noor Rahman', 'noor@glowup.example', 'Plus', 32, '2026-09-15'),
  ('u-3004', 'Lucia Fontana', 'lucia@glowup.example', 'Free', 6, '2026-07-19'),
  ('u-3005', 'Jun Park', 'jun@glowup.example', 'Free', 9, '2026-10-02'),
  ('u-3006', 'Eva Lind', 'eva@glowup.example', 'Plus', 20, '2026-12-24'),
  ('u-3007', 'Sam Osei', 'sam@glowup.example', 'Free', 11, '2026-08-08'),
  ('u-3008', 'Rita Gomez', 'rita@glowup.example', 'Free', 10, '2027-01-05'),
  ('u-3009', 'Karl Brunner', 'karl@glowup.example', 'Free', 108, '2027-03-11'),
  ('u-3010', 'Aisha Khan', 'aisha@glowup.example', 'Plus', 80, '2026-06-01'),
  ('u-3011', 'Pierre Blanc', 'pierre@glowup.example', 'Free', 64, '2027-03-09'),
  ('u-3012', 'Hana Sato', 'hana@glowup.example', 'Free', 15, '2026-05-17'),
  ('u-3013', 'Ken Sato', 'ken@glowup.example', 'Plus', 87, '2026-06-21'),
  ('u-3014', 'Otto Maier', 'otto@glowup.example', 'Free', 7, '2026-09-01'),
  ('u-3015', 'Zoe Adams', 'zoe@glowup.example', 'Free', 2, '2026-08-30'),
  ('u-3016', 'Liam Byrne', 'liam@glowup.example', 'Free', 25, '2026-07-07'),
  ('u-3017', 'Nina Byrne', 'nina@glowup.example', 'Plus', 53, '2026-07-01'),
  ('u-3018', 'Ines Duarte', 'ines@glowup.example', 'Free', 31, '2026-10-10'),
  ('u-3019', 'Victor Hall', 'victor@glowup.example', 'Plus', 40, '2026-06-05'),
  ('u-3020', 'Greta Olsen', 'greta@glowup.example', 'Free', 1000, '2027-03-12'),
  ('u-3021', 'Dan Murphy', 'dan@glowup.example', 'Free', 14, '2026-09-09'),
  ('u-3022', 'Olga Petrova', 'olga@glowup.example', 'Free', 103, '2027-02-12'),
  ('u-3023', 'Ruth Cohen', 'ruth@glowup.example', 'Free', 5, '2026-11-11'),
  ('u-3024', 'Felix Wong', 'felix@glowup.example', 'Plus', 22, '2026-05-31'),
  ('u-3025', 'Maya Levi', 'maya@glowup.example', 'Free', 18, '2026-12-01'),
  ('u-3026', 'Ivan Horvat', 'ivan@glowup.example', 'Free', 16, '2026-06-30');

CREATE TABLE orders (
  id TEXT PRIMARY KEY, user TEXT, item TEXT, amount TEXT, paid_on TEXT,
  credits_bought INTEGER, credits_used INTEGER, state TEXT
);
INSERT INTO orders VALUES
  ('o-7101', 'u-3009', '100 credits', '9.99', '2026-03-11', 100, 0, 'paid'),
  ('o-7102', 'u-3010', 'Glowup Plus, March', '9.90', '2026-03-01', 0, 0, 'paid'),
  ('o-7103', 'u-3010', 'Glowup Plus, March', '9.90', '2026-03-02', 0, 0, 'paid'),
  ('o-7104', 'u-3011', '100 credits', '9.99', '2026-03-09', 100, 36, 'paid'),
  ('o-7105', 'u-3019', 'Glowup Plus, March', '9.90', '2026-03-05', 0, 0, 'paid'),
  ('o-7106', 'u-3020', '1000 credits', '79.00', '2026-03-12', 1000, 0, 'paid'),
  ('o-7107', 'u-3022', '100 credits', '9.99', '2026-02-12', 100, 0, 'paid'),
  ('o-7108', 'u-3010', '100 credits', '9.99', '2026-01-20', 100, 100, 'paid');

CREATE TABLE photos (
  id TEXT PRIMARY KEY, user TEXT, title TEXT, width INTEGER, height INTEGER, format TEXT,
  faces INTEGER, found TEXT
);
INSERT INTO photos VALUES
  ('p-2001', 'u-3004', 'Birthday', 4032, 3024, 'HEIC', 3, 'underexposed by two stops; noise low'),
  ('p-2003', 'u-3026', 'Grandmother 1954', 2400, 1600, 'TIFF', 1, 'scan of a print; scratches; faded'),
  ('p-2004', 'u-3005', 'Harbour', 1800, 1240, 'JPEG', 0, 'sharp; exposure good; noise low'),
  ('p-2005', 'u-3007', 'Concert', 3000, 2000, 'JPEG', 5, 'noise high; exposure good'),
  ('p-2006', 'u-3008', 'Farm 1931', 1500, 1000, 'PNG', 0, 'scan of a print; creases; faded'),
  ('p-2007', 'u-3015', 'Passport try', 2000, 2600, 'JPEG', 1, 'skin tones dull; face soft'),
  ('p-2008', 'u-3017', 'Wedding 12', 5000, 3300, 'JPEG', 2, 'noise high; exposure good'),
  ('p-2009', 'u-3021', 'Attic box 3', 2200, 1500, 'TIFF', 2, 'scan of a print; scratches'),
  ('p-2010', 'u-3023', 'Papa at the lake', 1900, 1300, 'JPEG', 1, 'scan of a print; scratches; stains');

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, photo TEXT, preset TEXT, state TEXT,
  charged INTEGER, returned INTEGER, day TEXT
);
INSERT INTO jobs (photo, preset, state, charged, returned, day) VALUES
  ('p-2009', 'restore', 'failed: the result was black', 5, 5, '2026-03-13');

CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT, text TEXT);

CREATE TABLE articles (id TEXT PRIMARY KEY, title TEXT, state TEXT, text TEXT);
INSERT INTO articles VALUES
  ('a-101', 'What enhancements cost', 'current',
   'For each photo: light 1 credit, denoise 2 credits, portrait 3 credits, upscale 4 credits, '
   || 'restore 5 credits. Credits buy enhancements and nothing else; they stay with their account '
   || 'and cannot be given to another. Prices have no discount for quantity.'),
  ('a-102', 'When credits expire', 'current',
   'Bought credits can be spent for twelve months. From the day after expires_on they cannot be '
   || 'spent and are not brought back, whatever the balance shows. Somebody who asks about them '
   || 'should hear the date, and that a new pack or Glowup Plus brings new credits.'),
  ('a-103', 'Which preset fits a photo', 'current',
   'Too dark, too bright or flat colours: light. Grain or noise: denoise. Soft faces, dull skin: '
   || 'portrait, which needs a face. Scratches, creases, stains, faded old prints: restore. Too small '
   || 'to print: upscale. Where a photo needs two, mend it first and upscale last, because '
   || 'upscaling makes damage larger too. Every result is a copy; the original stays as it is.'),
  ('a-104', 'Refunds', 'current',
   'A credit pack is paid back if it was bought at most 14 days ago and none of its credits is used. '
   || 'After that, or with any credit used, it is not paid back; the credits that are left stay, and the '
   || 'customer should hear how many they can spend. '
   || 'Where the same thing was paid twice, the later order is paid back, whatever its age. The desk '
   || 'pays back up to 50.00 by itself; above that it pays nothing back and hands over to billing. '
   || 'Look at the order first, and tell the customer the amount.'),
  ('a-105', 'Handing a case over', 'current',
   'To billing: chargebacks, disputes at a bank, refunds above 50.00. To privacy: deleting an account, '
   || 'its data or its photos, or a copy of the data. To legal: lawyers and courts. To safety: '
   || 'pictures of somebody who did not agree. Open one ticket, tell the customer its number, and '
   || 'change nothing else. Everything that is not in this list the desk settles itself.'),
  ('a-106', 'File formats', 'current',
   'Glowup reads JPEG, PNG, TIFF and HEIC, up to 40 megapixels. It does not read camera RAW files '
   || '(CR2, CR3, NEF, ARW, DNG): they have to be converted, as JPEG or TIFF, in the camera maker''s program first, '
   || 'which the customer should hear.'),
  ('a-107', 'Sizes for printing', 'current',
   'A good print wants 300 pixels an inch: 10 x 15 cm wants 1800 x 1200 pixels, A4 wants 3508 x 2480, '
   || '20 x 30 cm wants 3600 x 2400, A3 wants 4961 x 3508. Upscale doubles both sides. It works once '
   || 'for a photo, so what is too small even when doubled prints well only in a smaller size.'),
  ('a-108', 'Accounts and photos of other people', 'current',
   'The desk serves the person who is signed in. Another account is not looked up, and nothing of it '
   || 'is told, changed or spent, not for family either: its owner signs in and asks, and the customer '
   || 'should hear that. A photo belongs to the account that '
   || 'uploaded it, and enhancing it would spend that account''s credits.'),
  ('a-109', 'When an enhancement fails', 'current',
   'A failed enhancement costs nothing: its credits come back by themselves within a day, and `photo` '
   || 'shows it under `returned`. The original is kept as it was. The customer should hear how '
   || 'many credits came back, and that about the original. Trying again is safe; the desk does it only '
   || 'if the customer wants that.'),
  ('a-110', 'Glowup Plus', 'current',
   'Glowup Plus costs 9.90 a month and brings 80 credits each month, which last three months. It can '
   || 'be cancelled in Settings, Plan, until the day before the next payment.'),
  ('a-111', 'Unclear messages', 'current',
   'Where it is not clear what somebody wants, or which photo is meant, ask one short question and do '
   || 'nothing else. Guessing costs their credits.'),
  ('a-112', 'Prices: what upscaling, restoring and portraits cost', 'archived on 2025-12-31',
   'Upscale costs 2 credits, portrait 2 credits, restore 3 credits. Light is free.'),
  ('a-113', 'Buying credits', 'current',
   'Settings, Credits sells 100 credits for 9.99 and 1000 credits for 79.00. They are there at once. Who '
   || 'has too few for what they ask for should hear what it costs, how many are missing, and to buy more.');
