// The simulated game: menus, map, countdown, race, finish, end dialog. It calls the functions that its user passes.
// Its numbers are those of docs/facts/tminterface.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

enum State
{
    START_UP = 16,
    MENUS = 32,
    LOADING = 128,
    RACE = 512,
    END_DIALOG = 1024
};

struct PlayerInfo
{
    bool RaceFinished = false;
};

// A saved state, in the layout of SimStateData (docs/facts/tminterface.md#simulation-state).
struct Saved
{
    std::string bytes;
};

class Game
{
public:
    static constexpr int COUNTDOWN_MS = -2600, TICK_MS = 10;

    // Callbacks of the plugin.
    std::function<void()> on_run_step;
    std::function<void(int, int)> on_checkpoint, on_lap;
    std::function<void(const std::string&)> say; // to the test

    // Settings of the test.
    bool step_first = false;       // the run step of a tick before its checkpoint message
    bool reentrant = false;        // giving up calls back from inside
    int ticks_of_frame = 1;        // above 1, pictures come late
    int frozen_ticks = 100;        // between the finish and the end dialog
    int window_width = 16384, window_height = 16384;
    bool flagless = false;         // the player info never says that the race is finished
    int bad_pictures = 0;          // 1: truncated; 2: width and height swapped
    bool no_pictures = false, no_states = false, bad_states = false;
    std::string inputs;
    bool refuses_to_render = false;
    int script_frames = 0;         // until a script is processed
    std::map<std::string, std::string> script_files;
    std::string map_uid, map_name; // of the loaded map; empty: none

    State state = MENUS;
    int race_time = 0, tick_time = 0;
    PlayerInfo player;
    float speed = 1;

    bool in_race() const { return state == RACE && !intro; }

    void begin_race(std::vector<int> times)
    {
        checkpoints = std::move(times);
        state = RACE;
        intro = false;
        restart();
    }
    void show_intro()
    {
        state = RACE;
        intro = true;
    }
    void leave(State where) { state = where; }

    void give_up()
    {
        restart();
        if (reentrant)
            on_checkpoint(0, int(checkpoints.size()));
    }

    // The car crosses the line in the next tick.
    void finish_now()
    {
        if (in_race() && !player.RaceFinished)
            checkpoints.back() = std::max(race_time, 0) + TICK_MS;
    }

    void rewind(const Saved& saved)
    {
        if (saved.bytes.size() < FIXED_BYTES)
            return;
        race_time = tick_time = number_at(saved.bytes, RACE_TIME_AT);
        passed = number_at(saved.bytes, CHECKPOINT_AT);
        player.RaceFinished = false;
        drives++;
        ticks_left = 1;
    }

    Saved save() const
    {
        std::string bytes(FIXED_BYTES, '\0');
        put(bytes, 0, 2);                               // version: not established
        put(bytes, 8, 0xFF);                            // all parts are there
        put(bytes, 12 + 4, race_time - COUNTDOWN_MS);   // timers[1]
        float one = 1, metres = float(std::max(0, race_time)) / 10, speed_ms = race_time > 0 ? 100 : 0;
        for (int axis : {0, 4, 8})
            put(bytes, 688 + 4 * axis, one);            // rotation
        put(bytes, 672, one);                           // quaternion
        put(bytes, 724, metres);                        // position
        put(bytes, 736, speed_ms);                      // linear speed
        put(bytes, RACE_TIME_AT, race_time);
        put(bytes, CHECKPOINT_AT, passed);
        put(bytes, 8020, passed);
        put(bytes, 8024, passed);
        put(bytes, 8032, int(player.RaceFinished));
        put(bytes, 8036, race_time > 0 ? 360 : 0);      // display speed
        const int events[] = {8296, 8304, 8312, 8320};  // accelerate, brake, left, right
        for (int i = 0; i < 4; i++)
            put(bytes, events[i], keys[i]);
        add(bytes, 0);
        add(bytes, int(checkpoints.size()));
        for (size_t i = 0; i < checkpoints.size(); i++)
            add(bytes, int(int(i) < passed));
        add(bytes, int(checkpoints.size()));
        for (size_t i = 0; i < checkpoints.size(); i++)
        {
            add(bytes, int(i) < passed ? checkpoints[i] : -1);
            add(bytes, 0);
        }
        return {bytes};
    }

    void press(int key, int value) { keys[key] = value; }

    void console(const std::string& line)
    {
        say("command " + line);
        if (line.rfind("map ", 0) == 0)
        {
            state = LOADING;
            loading_frames = 5;
        }
        else if (line == "press delete" && in_race())
            restart();
        else if (line == "exit_map")
            state = MENUS;
        else if (line == "finish")
            finish_now();
        else if (line.rfind("set ", 0) == 0)
        {
            auto space = line.find(' ', 4);
            if (space != std::string::npos)
                variables[line.substr(4, space - 4)] = line.substr(space + 1);
        }
    }

    // All ticks of one rendered frame.
    void simulate()
    {
        if (state == LOADING && --loading_frames <= 0)
        {
            begin_race(checkpoints);
            intro = variables["skip_map_load_screens"] != "true";
        }
        due += double(speed) * ticks_of_frame;
        for (ticks_left = int(due), due -= ticks_left; ticks_left > 0; ticks_left--)
            if (in_race())
                tick();
    }

    std::map<std::string, std::string> variables;

private:
    static constexpr size_t FIXED_BYTES = 8344, RACE_TIME_AT = 7892, CHECKPOINT_AT = 7932;

    bool intro = false;
    std::vector<int> checkpoints{500, 60000};
    int passed = 0, after_finish = 0, drives = 0, loading_frames = 0, ticks_left = 0;
    double due = 0;
    int keys[4] = {};

    void restart()
    {
        drives++;
        race_time = tick_time = COUNTDOWN_MS - TICK_MS;
        passed = after_finish = 0;
        player.RaceFinished = false;
    }

    void tick()
    {
        tick_time += TICK_MS;
        if (player.RaceFinished)
        {
            if (++after_finish > frozen_ticks)
            {
                state = END_DIALOG;
                say("end dialog");
                return;
            }
        }
        else
            race_time += TICK_MS;
        bool crosses = !player.RaceFinished && passed < int(checkpoints.size()) && race_time == checkpoints[size_t(passed)];
        bool last = crosses && passed + 1 == int(checkpoints.size());
        if (crosses)
            passed++;
        if (last)
            player.RaceFinished = true;
        const int drive = drives; // giving up inside a callback starts another one
        if (step_first)
            on_run_step();
        if (crosses && drive == drives)
            on_checkpoint(passed, int(checkpoints.size()));
        if (last && drive == drives)
            on_lap(1, 1);
        if (!step_first && drive == drives)
            on_run_step();
    }

    template <typename T> static void put(std::string& bytes, size_t at, T value) { std::memcpy(&bytes[at], &value, sizeof value); }
    static void add(std::string& bytes, int value) { bytes.append(reinterpret_cast<char*>(&value), sizeof value); }
    static int number_at(const std::string& bytes, size_t at)
    {
        int value;
        std::memcpy(&value, &bytes[at], sizeof value);
        return value;
    }
};
