// TmxdbLink, version 1: tmxdb's line into TMInterface 2. Put here by `tmxdb game install-plugin`.
//
// A TCP server on 127.0.0.1 that speaks the protocol of the Python Link plugin, so that clients of either work with
// both. docs/game-protocol.md tells the protocol; "sheet (a)" below is the section of the fact sheet behind it, which
// lists what the other plugin does badly: those places are marked. Only calls that TMInterface's API declares are
// used, and no try/catch, which older engines do not know.
//
// Who speaks when: the plugin sends one of the messages 1 to 5, then listens (nowhere else) until the same number
// comes back, obeying what comes before it. Meanwhile the game stands still.

enum Message
{
    RUN_STEP = 1,
    CHECKPOINT = 2,
    LAP = 3,
    FRAME = 4,
    GREETING = 5,
    SET_SPEED = 6,
    REWIND_TO_STATE = 7,
    REWIND_TO_CURRENT = 8,
    GET_STATE = 9,
    SET_INPUT = 10,
    GIVE_UP = 11,
    PREVENT_FINISH = 12,
    SHUTDOWN = 13,
    EXECUTE_COMMAND = 14,
    SET_TIMEOUT = 15,
    RACE_FINISHED = 16,
    REQUEST_FRAME = 17,
    RESET_CAMERA = 18,
    SET_STEP_PERIOD = 19,
    UNREQUEST_FRAME = 20,
    TOGGLE_INTERFACE = 21,
    IN_MENUS = 22,
    GET_INPUTS = 23
}

const uint16 USUAL_PORT = 8478;
const uint FIRST_TIMEOUT_MS = 2000;
const int TICK_MS = 10;
const int MOST_BYTES = 1048576;      // of a command or a state: no real one has a tenth of it
const int MOST_PIXELS = 16777216;    // of a frame: four times the largest window
const uint SILENT_MS = 1000;         // a client this long without a word makes room for one that waits at the door
const uint LOOK_AGAIN_MS = 100;
const uint LISTEN_AGAIN_MS = 3000;

// What belongs to one connection; a new one begins with a fresh set. Sheet (a): time limit and frame request of a
// replaced client passed to its successor there, who then got a picture in a size that it had not asked for.
class Client
{
    Net::Socket@ socket;
    uint timeout_ms = FIRST_TIMEOUT_MS;
    bool wants_frame = false;
    bool told_about_size = false;
    int width = 0;
    int height = 0;
    bool greeted = false;
    bool waits_for_menus = false;    // it came during the start-up screens

    Client(Net::Socket@ connection)
    {
        @socket = connection;
    }
}

Net::Socket@ listener = null;
Client@ client = null;
int step_period_ms = TICK_MS;        // survives a reconnect
bool port_known = false;
uint64 next_listen = 0;

bool holding = false;
uint64 held_since = 0;
uint64 next_look = 0;
array<int> postponed;                // three numbers each: message, current, target

// ---- what TMInterface calls

PluginInfo@ GetPluginInfo()
{
    PluginInfo@ info = PluginInfo();
    info.Name = "TmxdbLink";
    info.Author = "tmxdb";
    info.Version = "1";
    info.Description = "Lets tmxdb drive this game (protocol of Python Link)";
    return info;
}

void Main()
{
    RegisterVariable("custom_port", double(USUAL_PORT));
    RegisterCustomCommand("tmxdb_link", "open the port of the variable custom_port (again)", OnOpenPort);
    // Queued behind /configstring, which sets the variable. Until it has run there is no listener: sheet (a), where a
    // frame drawn before that was a null pointer each.
    ExecuteCommand("tmxdb_link");
}

void OnDisabled()
{
    @client = null;
    @listener = null;
}

void OnOpenPort(int fromTime, int toTime, const string&in commandLine, const array<string>&in args)
{
    port_known = true;
    next_listen = 0;
    @listener = null;
    Listen();
}

void Render()
{
    // A wait that ended with a script error left these behind; a wait never spans two frames.
    holding = false;
    postponed.Clear();

    Listen();
    if (client is null || Attended())    // one who was taken in during a wait is greeted before the next one comes
        TakeNewcomer();
    Greet();
    SendFrame();
}

void OnRunStep(SimulationManager@ simManager)
{
    if (!Attended() || holding)
        return;
    int race_time = simManager.get_RaceTime();
    // After the finish the race time stands still: every tick is told then, whatever the period.
    bool after_finish = simManager.get_TickTime() > race_time;
    if (after_finish || race_time % step_period_ms == 0)
    {
        if (Put(RUN_STEP) && Put(race_time))
            Hold(RUN_STEP);
    }
}

void OnCheckpointCountChanged(SimulationManager@ simManager, int current, int target)
{
    TellCount(CHECKPOINT, current, target);
}

void OnLapCountChanged(SimulationManager@ simManager, int current, int target)
{
    TellCount(LAP, current, target);
}

// ---- connections

void Listen()
{
    if (listener !is null || !port_known || Time::get_Now() < next_listen)
        return;
    double wanted = GetVariableDouble("custom_port");
    uint16 port = wanted >= 1 && wanted <= 65535 ? uint16(wanted) : USUAL_PORT;
    Net::Socket@ socket = Net::Socket();
    if (socket.Listen("127.0.0.1", port))
    {
        @listener = socket;
        log("TmxdbLink: Port set to " + int(port), Severity::Success);
        return;
    }
    // The game before this one may still be closing its port: asked again from Render().
    if (next_listen == 0)
        log("TmxdbLink: port " + int(port) + " is taken (by another game, or by the plugin Python_Link?); trying again", Severity::Error);
    next_listen = Time::get_Now() + LISTEN_AGAIN_MS;
}

// At most one a frame; the newest one has the game.
void TakeNewcomer()
{
    if (listener is null)
        return;
    Net::Socket@ socket = listener.Accept(0);
    if (socket is null)
        return;
    socket.set_NoDelay(true);
    @client = Client(socket);
    client.waits_for_menus = GetCurrentGameState() == TM::GameState::StartUp;
}

// In any state of the game but the start-up screens, where no command would be heeded. Told from here and not from a
// callback about the state: sheet (a) does not know whether the menus are already there inside of that.
void Greet()
{
    if (client is null || client.greeted)
        return;
    if (client.waits_for_menus && GetCurrentGameState() != TM::GameState::Menus)
        return;
    client.greeted = true;
    client.waits_for_menus = false;
    if (Put(GREETING))
        Hold(GREETING);
}

// Whether somebody is there to be told what happens. One who came while the game was held is greeted first.
bool Attended()
{
    return client !is null && (client.greeted || client.waits_for_menus);
}

void Drop(const string&in why)
{
    if (client is null)
        return;
    log("TmxdbLink: client dropped: " + why, Severity::Warning);
    @client = null;
}

// ---- telling and waiting

// A number to the client. Sheet (a): whether it arrived was not looked at there; a client that was killed froze the
// game until the time limit.
bool Put(int value)
{
    if (client is null)
        return false;
    if (client.socket.Write(value))
        return true;
    Drop("it has closed the line");
    return false;
}

// Sheet (a) does not know whether giving up or rewinding calls back from inside of that call. If so, the client is in
// the middle of an answer: it hears of it right after.
void TellCount(int message, int current, int target)
{
    if (!Attended())
        return;
    if (holding)
    {
        postponed.Add(message);
        postponed.Add(current);
        postponed.Add(target);
        return;
    }
    if (Put(message) && Put(current) && Put(target))
        Hold(message);
}

void Hold(int answer)
{
    holding = true;
    Await(answer);
    holding = false;
    while (postponed.get_Length() > 0)
    {
        int message = postponed[0];
        int current = postponed[1];
        int target = postponed[2];
        postponed.RemoveAt(0, 3);
        TellCount(message, current, target);
    }
}

// Obeys the client until `answer` comes. Another number of a sync is swallowed.
void Await(int answer)
{
    Client@ asked = client;
    held_since = Time::get_Now();
    next_look = held_since + SILENT_MS;
    while (client is asked && HasCome(4))
    {
        int message = asked.socket.ReadInt32();
        if (message == answer)
            return;
        Obey(message);
        next_look = Time::get_Now() + SILENT_MS;
    }
}

// Waits until that many bytes are there. False: the client had to go. Sheet (a): reading began with the first byte
// there, and nobody knows what TMInterface makes of half a number.
bool HasCome(uint bytes)
{
    Client@ asked = client;
    while (true)
    {
        // Looked at before the bytes: one who asks without end has no more time than others.
        uint64 now = Time::get_Now();
        if (now - held_since > asked.timeout_ms)
        {
            Drop("no answer for " + int64(asked.timeout_ms) + " ms");
            return false;
        }
        if (asked.socket.get_Available() >= bytes)
            return true;
        // Sheet (a): a peer that has died is not noticed. When its successor waits at the door there is no need to
        // sit out the rest of the time.
        if (now >= next_look)
        {
            next_look = now + LOOK_AGAIN_MS;
            TakeNewcomer();
            if (client !is asked)
                return false;
        }
    }
    return false;
}

void SendFrame()
{
    if (client is null || !client.greeted || !client.wants_frame)
        return;
    Client@ asked = client;
    vec2 size(asked.width, asked.height);
    array<uint8>@ pixels = Graphics::CaptureScreenshot(size);
    // Sheet (a): the message has no size, so one byte more or less would garble all that follows. No picture then; it
    // is tried again at the next frame, when the window may have its size back.
    uint bytes = uint(asked.width) * uint(asked.height) * 4;
    if (pixels is null || pixels.get_Length() != bytes || size.x != asked.width || size.y != asked.height)
    {
        if (!asked.told_about_size)
            log("TmxdbLink: no frame of " + asked.width + "x" + asked.height + ": is the window smaller?", Severity::Warning);
        asked.told_about_size = true;
        return;
    }
    asked.wants_frame = false;
    if (!Put(FRAME))
        return;
    // Whether that says false for a full buffer, too, nobody knows: not trusted. A picture that did not arrive whole is
    // found out by the client, at the number that comes next.
    asked.socket.Write(pixels);
    Hold(FRAME);
    asked.wants_frame = false;       // asking while answering a frame has never counted
}

// ---- obeying

void Obey(int message)
{
    switch (message)
    {
    case RUN_STEP:
    case CHECKPOINT:
    case LAP:
    case FRAME:
    case GREETING:
        return;
    case SET_SPEED:
        SetSpeed();
        return;
    case REWIND_TO_STATE:
        RewindToState();
        return;
    case REWIND_TO_CURRENT:
        RewindToCurrent();
        return;
    case GET_STATE:
        AnswerState();
        return;
    case SET_INPUT:
        SetInput();
        return;
    case GIVE_UP:
        if (InRace())
            GetSimulationManager().GiveUp();
        return;
    case PREVENT_FINISH:
        if (InRace())
            GetSimulationManager().PreventSimulationFinish();
        return;
    case SHUTDOWN:
        @client = null;
        return;
    case EXECUTE_COMMAND:
        Execute();
        return;
    case SET_TIMEOUT:
        if (HasCome(4))
            client.timeout_ms = client.socket.ReadUint32();
        return;
    case RACE_FINISHED:
        Put(RaceFinished() ? 1 : 0);
        return;
    case REQUEST_FRAME:
        RequestFrame();
        return;
    case RESET_CAMERA:
        if (GetSimulationManager() !is null)
            GetSimulationManager().ResetCamera();
        return;
    case SET_STEP_PERIOD:
        SetStepPeriod();
        return;
    case UNREQUEST_FRAME:
        client.wants_frame = false;
        return;
    case TOGGLE_INTERFACE:
        if (HasCome(4))
            ToggleRaceInterface(client.socket.ReadInt32() != 0);
        return;
    case IN_MENUS:
        Put(GetCurrentGameState() == TM::GameState::Menus ? 1 : 0);
        return;
    case GET_INPUTS:
        AnswerInputs();
        return;
    }
    // Sheet (a): what followed an unknown number was taken for messages there, and anything could happen.
    Drop("message " + message + " is none");
}

bool InRace()
{
    SimulationManager@ sim = GetSimulationManager();
    return sim !is null && sim.get_InRace();
}

void SetSpeed()
{
    if (!HasCome(4))
        return;
    float speed = client.socket.ReadFloat();
    if (GetSimulationManager() is null)
        return;
    if (speed >= 0 && speed <= 1000)     // not so if it is no number at all
        GetSimulationManager().SetSpeed(speed);
    else
        log("TmxdbLink: a speed of " + speed + " was not set", Severity::Warning);
}

void RewindToState()
{
    array<uint8>@ bytes = ReadBytes();
    if (bytes is null || !InRace())
        return;
    SimulationState state(bytes);
    GetSimulationManager().RewindToState(state);
}

void RewindToCurrent()
{
    if (!InRace())
        return;
    SimulationState@ state = GetSimulationManager().SaveState();
    if (state !is null)
        GetSimulationManager().RewindToState(state);
}

// Sheet (a): where there is no state, no reply came there, and the client took the next message for it. Here it is
// one of no bytes.
void AnswerState()
{
    SimulationManager@ sim = GetSimulationManager();
    SimulationState@ state = null;
    if (sim !is null)
        @state = sim.SaveState();
    array<uint8>@ bytes = null;
    if (state !is null)
        @bytes = state.ToArray();
    if (bytes is null)
        Put(0);
    else if (Put(int(bytes.get_Length())))
        client.socket.Write(bytes);
}

void AnswerInputs()
{
    SimulationManager@ sim = GetSimulationManager();
    TM::InputEventBuffer@ events = null;
    if (sim !is null)
        @events = sim.get_InputEvents();
    string text = "";
    if (events !is null)
        text = events.ToCommandsText();
    if (Put(int(text.get_Length())) && text.get_Length() > 0)
        client.socket.Write(text);
}

void SetInput()
{
    if (!HasCome(4))
        return;
    int left = client.socket.ReadUint8();
    int right = client.socket.ReadUint8();
    int accelerate = client.socket.ReadUint8();
    int brake = client.socket.ReadUint8();
    if (!InRace())
        return;
    SimulationManager@ sim = GetSimulationManager();
    sim.SetInputState(InputType::Left, left);
    sim.SetInputState(InputType::Right, right);
    sim.SetInputState(InputType::Up, accelerate);
    sim.SetInputState(InputType::Down, brake);
}

void Execute()
{
    int bytes = ReadLength();
    string command = "";
    for (int rest = bytes; rest > 0;)
    {
        int part = Part(rest);
        if (part == 0)
            return;
        command += client.socket.ReadString(part);
        rest -= part;
    }
    if (bytes > 0)
        ExecuteCommand(command);
}

bool RaceFinished()
{
    SimulationManager@ sim = GetSimulationManager();
    if (sim is null)
        return false;
    if (sim.get_PlayerInfo() !is null && sim.get_PlayerInfo().RaceFinished)
        return true;
    return sim.get_TickTime() > sim.get_RaceTime();
}

// A size that is none takes the request back.
void RequestFrame()
{
    if (!HasCome(8))
        return;
    int width = client.socket.ReadInt32();
    int height = client.socket.ReadInt32();
    if (int64(width) * int64(height) > MOST_PIXELS)
    {
        Drop("a frame of " + width + "x" + height + " was asked for");
        return;
    }
    client.width = width;
    client.height = height;
    client.wants_frame = width > 0 && height > 0;
    client.told_about_size = false;
}

// Sheet (a): with 0 every tick was a division by it there, and no run step came any more. Here it means every tick; a
// negative one counts like its absolute value.
void SetStepPeriod()
{
    if (!HasCome(4))
        return;
    int period_ms = client.socket.ReadInt32();
    step_period_ms = period_ms == 0 ? TICK_MS : period_ms;
}

// ---- bytes

// How many bytes the client says will follow; -1 if it had to go.
int ReadLength()
{
    if (!HasCome(4))
        return -1;
    int bytes = client.socket.ReadInt32();
    if (bytes >= 0 && bytes <= MOST_BYTES)
        return bytes;
    Drop("a message of " + bytes + " bytes");
    return -1;
}

// How many of these bytes can be read now: more than a socket holds come in parts. 0 if the client had to go.
int Part(int rest)
{
    if (!HasCome(1))
        return 0;
    uint there = client.socket.get_Available();
    return there < uint(rest) ? int(there) : rest;
}

array<uint8>@ ReadBytes()
{
    int rest = ReadLength();
    if (rest < 0)
        return null;
    array<uint8>@ all = array<uint8>();
    while (rest > 0)
    {
        int part = Part(rest);
        if (part == 0)
            return null;
        array<uint8>@ read = client.socket.ReadBytes(part);
        for (uint i = 0; i < read.get_Length(); i++)
            all.Add(read[i]);
        rest -= part;
    }
    return all;
}
